"""Displays half a megabyte of nested HTML: cleaning it takes time that grows with the square."""

# stock: no: nothing is cleaned; the browser of whoever looks bears it
# seconds: 12
# never: <dl><dd><dl>
from IPython.display import HTML, display

display(HTML("<dl><dd>" * 60_000))
display(HTML("<div>" * 100_000))
