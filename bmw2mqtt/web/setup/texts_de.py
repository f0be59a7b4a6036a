"""The German texts of the setup; each has its English counterpart."""

from typing import Final

GERMAN: Final = {
    "language.own": "Deutsch",
    "title": "bmw2mqtt einrichten",
    "settings": "Einstellungen",
    "skip": "Zum Inhalt springen",
    "steps": "Schritte",
    "step": "Schritt {number} von {count}",
    "step.language": "Sprache und Einheiten",
    "step.broker": "MQTT-Broker",
    "step.car": "Dein Auto",
    "step.portal": "BMW-Portal",
    "step.login": "Anmelden",
    "step.done": "Fertig",
    "continue": "Weiter",
    "back": "Zurück",
    "fixed": "Festgelegt durch {place}. Ändere es dort.",
    "page": "Zur Seite mit deinen Autos",
    "busy": "Einen Moment …",
    "quoted": "„{text}“",
    "missing": "Bitte ausfüllen.",
    "copy": "Kopieren",
    "copied": "Kopiert",
    "form.old": "Dieses Formular ist nicht mehr gültig. Prüfe es und sende es noch einmal.",
    "problems": "Nicht gespeichert:",
    "start.title": "Willkommen",
    "start.text": (
        "Ein paar Fragen, dann kommen die Werte deines Autos auf deinem MQTT-Broker an. Du kannst"
        " jede Antwort später ändern."
    ),
    "start.choose": "Welche Sprache möchtest du?",
    "start.units": "Und welche Einheiten?",
    "start.units.note": (
        "Dieser Browser merkt sie sich für die Seiten von bmw2mqtt. Auf dem Broker sind alle Werte"
        " metrisch; Home Assistant rechnet sie in seine eigenen Einheiten um."
    ),
    "units.metric": "km, °C, bar, L",
    "units.uk": "mi, °C, psi, L",
    "units.us": "mi, °F, psi, gal",
    "start.wrong.title": "Öffne den Link aus dem Protokoll",
    "start.wrong.text": (
        "Diese Seite öffnet sich mit dem Einmal-Link, den bmw2mqtt beim Start ausgibt. Zum"
        " Beispiel: <code>docker logs bmw2mqtt</code>. Ein Link gilt einmal; starte bmw2mqtt neu"
        " für einen weiteren."
    ),
    "start.app.title": "Öffne diese Seite in Home Assistant",
    "start.app.text": "Drücke <strong>BMW</strong> in der Seitenleiste von Home Assistant.",
    "start.token.text": (
        "Oder gib das Zugangstoken ein (<code>http.token</code> in der Konfiguration)."
    ),
    "start.token.label": "Zugangstoken",
    "start.token.button": "Anmelden",
    "broker.title": "Wo ist dein MQTT-Broker?",
    "broker.text": (
        "bmw2mqtt sendet die Werte deines Autos an einen MQTT-Broker, zum Beispiel Mosquitto."
        " Home Assistant, evcc, openHAB und andere lesen sie dort."
    ),
    "broker.found": "Der Broker von Home Assistant wurde gefunden. Du kannst ihn so verwenden.",
    "broker.host": "Name oder Adresse",
    "broker.host.hint": "Zum Beispiel 192.168.1.10 oder homeassistant.local",
    "broker.port": "Port",
    "broker.port.hint": "Meist 1883, mit TLS 8883",
    "broker.username": "Benutzername",
    "broker.username.hint": "Leer lassen, wenn der Broker keinen braucht",
    "broker.password": "Passwort",
    "broker.password.kept": "Ein Passwort ist schon da. Leer lassen, um es zu behalten.",
    "broker.tls": "Verbindung verschlüsseln (TLS)",
    "broker.test": "Testen",
    "broker.testing": "Teste …",
    "broker.anyway": "Trotzdem speichern",
    "broker.ok": "Der Broker funktioniert: bmw2mqtt kann sich verbinden, senden und empfangen.",
    "broker.failed": "Der Broker lässt sich noch nicht verwenden:",
    "broker.container": (
        "bmw2mqtt läuft in einem Container; {host} ist dort der Container selbst. Gib den Namen"
        " des Brokers im selben Docker-Netz ein oder die Adresse des Rechners, auf dem er läuft."
    ),
    "car.title": "Wo ist dein Auto zugelassen?",
    "car.europe": "In der EU, in Großbritannien oder einem anderen Land Europas mit BMW CarData",
    "car.europe.text": (
        "Die offizielle Schnittstelle von BMW für Kunden. Kostenlos und nur lesend: Werte ja,"
        " Fernbefehle nein."
    ),
    "car.elsewhere": "Anderswo",
    "car.elsewhere.text": (
        "Es bleibt nur die Schnittstelle der BMW-App. <strong>BMW sperrt sie seit dem 29."
        " September 2025 für andere Programme.</strong> Sie funktioniert wahrscheinlich nicht."
    ),
    "portal.title": "Zugang im BMW-Portal anlegen",
    "portal.text": (
        "Das dauert etwa zehn Minuten; die meiste Zeit wartest du auf die Seiten von BMW. Nimm"
        " ein privates Fenster ohne Werbeblocker. Du musst <strong>Hauptnutzer</strong> des Autos"
        " sein."
    ),
    "portal.1": "<strong>Melde dich an</strong> bei BMW:",
    "portal.1.note": (
        "Die Seite eines anderen Landes geht auch, wenn sie die Kachel des nächsten Schritts zeigt."
    ),
    "portal.2": (
        "Wähle dein Auto, dann die Kachel <strong>BMW CarData</strong> (oder MINI CarData)."
        " Stimme den Bedingungen zu."
    ),
    "portal.3": (
        "Drücke unter <em>Technischer Zugang</em> auf <strong>CarData Client erstellen</strong>."
        " Kopiere die <strong>Client-ID</strong> und füge sie unten ein: Nach dem Neuladen kann"
        " sie weg sein."
    ),
    "portal.4": (
        "Schalte <strong>CarData API</strong> ein und warte bis zu zwei Minuten. Schalte dann"
        " <strong>CarData Stream</strong> ein und warte wieder. Bei einem Fehler lade BMWs Seite"
        " neu."
    ),
    "portal.5": (
        "Drücke <strong>nicht</strong> auf <em>Gerät authentifizieren</em>. Das macht bmw2mqtt im"
        " nächsten Schritt."
    ),
    "portal.helper": "Oder lass einen Helfer alles in deinem Tab bei BMW auswählen",
    "portal.6": (
        "<strong>Richte den Datenstream ein</strong>, für jedes Auto: Drücke <em>Mehr laden</em>,"
        " bis alle Zeilen da sind, wähle alle aus, speichere. Ein Auto ohne Auswahl sendet"
        " nichts."
    ),
    "drawing.create": "CarData Client erstellen",
    "drawing.more": "Mehr laden",
    "client.label": "Client-ID",
    "client.hint": "36 Zeichen, etwa 1a2b3c4d-1234-5678-9abc-1a2b3c4d5e6f",
    "client.good": "Das sieht nach einer Client-ID aus.",
    "client.short": "Eine Client-ID hat 32 Buchstaben a-f und Ziffern in fünf Gruppen.",
    "client.example": (
        "Das ist der Wert aus dem Beispiel. Kopiere deine eigene Client-ID aus BMWs Portal."
    ),
    "client.missing": "Füge die Client-ID aus BMWs Portal ein.",
    "mybmw.title": "Die Anmeldung der BMW-App",
    "mybmw.text": (
        "<strong>BMW sperrt diese Schnittstelle seit dem 29. September 2025 für andere"
        " Programme.</strong> Sie funktioniert wahrscheinlich nicht, und falsche Passwörter"
        " können dein Konto sperren. Für ein Auto in Europa nimm CarData."
    ),
    "mybmw.username": "Benutzername der BMW-App",
    "mybmw.username.hint": "Die E-Mail-Adresse; in China die Telefonnummer mit der Vorwahl 86",
    "mybmw.password": "Passwort",
    "mybmw.region": "Region",
    "mybmw.region.rest_of_world": "Übrige Welt",
    "mybmw.region.north_america": "Nordamerika",
    "mybmw.region.china": "China",
    "login.title": "Bei BMW anmelden",
    "login.starting": "bmw2mqtt startet mit den neuen Einstellungen …",
    "login.requested": "bmw2mqtt fordert bei BMW einen Code an …",
    "login.code": "Bestätige diesen Code bei BMW",
    "login.code.text": (
        "Öffne BMWs Seite, melde dich an, vergleiche den Code und warte auf BMWs Erfolgsmeldung."
        " Komm dann hierher zurück."
    ),
    "login.open": "BMWs Seite öffnen",
    "login.qr": "Oder scanne dies mit deinem Handy:",
    "login.qr.label": "QR-Code von BMWs Seite mit dem Code",
    "login.expires": "Der Code läuft ab in {time}.",
    "login.new": "Neuen Code anfordern",
    "login.again": "Client-ID prüfen",
    "login.other": "Auf der Seite anmelden",
    "login.waiting": "Angemeldet. Warte auf den ersten Wert",
    "login.waiting.text": (
        "Das dauert ein bis zwei Minuten. <strong>Schließe das Auto einmal auf oder zu</strong>,"
        " mit dem Schlüssel oder der BMW-App: Dann meldet es sich."
    ),
    "done.title": "Dein Auto ist verbunden",
    "done.text": "Weitere Werte kommen von selbst. Ein geparktes Auto schweigt; das ist normal.",
    "done.none": "Noch hat kein Auto einen Wert gesendet.",
    "done.homeassistant": "Home Assistant",
    "done.homeassistant.app": (
        "Dein Auto ist schon da: <em>Einstellungen → Geräte &amp; Dienste → MQTT</em>."
    ),
    "done.homeassistant.text": (
        "Wenn Home Assistant diesen Broker schon verwendet, ist dein Auto da: <em>Einstellungen →"
        " Geräte &amp; Dienste → MQTT</em>. Wenn nicht: <em>Integration hinzufügen → MQTT</em>,"
        " Broker <code>{host}</code>, Port <code>{port}</code>."
    ),
    "done.evcc": "evcc",
    "done.evcc.text": "Lege ein Fahrzeug vom Typ <code>custom</code> an, das diese Topics liest:",
    "done.evcc.link": "Die ganze Konfiguration",
    "done.other": "Alles andere",
    "done.other.text": "Jeder Wert hat ein eigenes Topic. So siehst du sie alle:",
    "overview.restarting": "Gespeichert. bmw2mqtt startet mit den neuen Einstellungen …",
    "overview.broker": "MQTT-Broker",
    "overview.accounts": "Konten",
    "overview.connected": "verbunden",
    "overview.disconnected": "nicht verbunden",
    "overview.change": "Ändern",
    "overview.login": "Anmelden",
    "overview.add": "Konto hinzufügen",
    "overview.remove": "Entfernen",
    "overview.remove.confirm": "Das Konto {name} entfernen? Seine Autos verschwinden vom Broker.",
    "overview.remove.yes": "{name} entfernen",
    "overview.link": "Auf einem anderen Gerät öffnen",
    "overview.link.text": "Dieser Link gilt einmal und öffnet diese Seite ohne Token:",
    "overview.link.button": "Link erstellen",
    "overview.local": (
        "Die Seite öffnet sich nur auf diesem Rechner. Für andere setze <code>http.host</code>"
        " und <code>http.token</code>."
    ),
    "overview.file": "Gespeichert in <code>{file}</code>.",
    "value.remaining_battery_percent": "Ladestand",
    "value.remaining_range_electric": "Elektrische Reichweite",
    "value.charging_target": "Ladeziel",
    "value.remaining_fuel_percent": "Tank",
    "value.remaining_fuel": "Kraftstoff",
    "value.remaining_range_fuel": "Reichweite mit Kraftstoff",
    "value.remaining_range_total": "Reichweite",
    "value.mileage": "Kilometerstand",
}
