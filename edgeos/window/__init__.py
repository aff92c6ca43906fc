"""The program's own window on a desktop: a child process that shows the pages (pywebview on Qt).

`window.py` is the program's side, `program.py` the child's; they talk JSON lines. The child knows nothing of the house.
"""
