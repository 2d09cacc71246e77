"""Settlement files of partners: layouts, lines, the file as a whole, what becomes of a line, and the day they are about. Pure."""
