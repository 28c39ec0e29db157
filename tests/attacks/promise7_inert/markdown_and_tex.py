"""Displays Markdown and TeX that act: raw HTML, links to scripts, commands that load or name things."""

# stock: works
# never: ](javascript
from IPython.display import Latex, Markdown, display

display(
    Markdown(
        "[x](javascript:alert(1)) <img src=x onerror=alert(1)> ![x](https://x.example/pixel.png)"
    )
)
display(Latex(r"$\href{javascript:alert(1)}{x} \require{html} \class{x}{y} \unicode{x3c}$"))
