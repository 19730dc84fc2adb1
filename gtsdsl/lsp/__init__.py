"""What an editor asks of a text: findings, completion, hover, definitions, references, renaming, an outline."""
