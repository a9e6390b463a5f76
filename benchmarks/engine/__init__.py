"""How long the engine takes from an answer to the next question, and what that grows with."""
