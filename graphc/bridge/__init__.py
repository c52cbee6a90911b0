"""In from and out to other systems; each module here loads what it needs when it is first used."""
