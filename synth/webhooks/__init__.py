"""What happened here, told to programs of an organisation: signed, to a public address alone, again until heard."""
