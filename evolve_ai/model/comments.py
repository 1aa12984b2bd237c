"""How a language writes comments."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comments:
    """`line` begins one that ends with its line; `block` is what begins and ends another. "": it
    has none."""

    line: str = ""
    block: tuple[str, str] = ("", "")

    def of(self, text: str) -> str:
        """This line of text as a comment, without a line break at its end."""
        if self.line:
            return f"{self.line} {text}"
        begin, end = self.block
        return f"{begin} {text} {end}"
