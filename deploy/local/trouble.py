"""What stops a start is told in one sentence, never in a stack trace."""


class Trouble(Exception):
    """One sentence for the person at the terminal: which thing, what was found, what to do next.

    `tail` holds the last lines of a log when a process is the cause; it is printed under the sentence.
    """

    def __init__(self, sentence: str, *, tail: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.tail = tail

    def told(self) -> str:
        """The sentence, and under it the log's last lines."""
        return "\n".join((self.sentence, *(f"    {line}" for line in self.tail)))
