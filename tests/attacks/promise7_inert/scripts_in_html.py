"""Displays HTML, SVG, JavaScript and widgets with scripts, events, frames and forms."""

# stock: works: formgrader and feedback show HTML as it is
# never: alert
from IPython.display import HTML, SVG, Javascript, display

for text in [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "<iframe src='javascript:alert(1)'>", "<a href='java\tscript:alert(1)'>x</a>",
    "<form action='https://x.example/?alert'><input autofocus onfocus=alert(1)>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style>",
    "<style>@import 'https://x.example/alert'</style>", "<body onload=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<base href='//alert.example'>",
    "<details ontoggle=alert(1) open>", "<meta http-equiv=refresh content='0;url=data:,alert'>",
    "<div style='background:url(https://x.example/alert)'>",
]:  # fmt: skip
    display(HTML(text))
display(
    Javascript("alert(1)"),
    SVG("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
)
for kind in ("application/javascript", "image/svg+xml", "application/vnd.jupyter.widget-view+json",
             "application/vnd.plotly.v1+json", "text/vnd.mermaid", "application/pdf"):  # fmt: skip
    display({kind: "<script>alert(1)</script>"}, raw=True)
