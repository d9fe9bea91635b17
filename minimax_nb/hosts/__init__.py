"""How a reference on this computer reaches a service that takes links: a file in, a link out, and an end."""
