// A filter above the tables of the entity page: only rows that contain every word are shown.
const tables = document.querySelectorAll("article table");
if (location.pathname.endsWith("/entities.html") && tables.length) {
  const label = document.createElement("label");
  label.className = "filter";
  label.textContent = "Filter: ";
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "charging kWh";
  label.append(field);
  document.querySelector("article h1").after(label);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("article tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
