"""Files on the disk of the host: written so that a power cut leaves them whole, with the rights they need."""
