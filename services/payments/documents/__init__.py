"""Documents that people download: the page they stand on, the words they are written in, and links that open them without a token."""
