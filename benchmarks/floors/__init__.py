"""The floors: the least that the libraries alone need for the same work, each as a process."""
