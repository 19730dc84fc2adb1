"""Scene to an HTML page with tips, pan and zoom, which loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from xml.etree import ElementTree as ET

from gtsdsl.draw.scene import Scene
from gtsdsl.draw.svg import svg_element


def to_html(scene: Scene) -> str:
    """Return the scene as an HTML page; its policy allows only the page's own script and style, by their hashes."""
    script, style = (_shipped(name) for name in ("page.js", "page.css"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    picture = ET.tostring(svg_element(scene), encoding="unicode")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(scene.title)}</title>
<style>{style}</style>
</head>
<body>
{picture}
<div id="tip" role="tooltip" hidden></div>
<div id="buttons">
<button id="in" type="button" aria-label="Zoom in">+</button>
<button id="out" type="button" aria-label="Zoom out">−</button>
<button id="all" type="button">all</button>
</div>
<script>{script}</script>
</body>
</html>
"""


def _shipped(name: str) -> str:
    return "\n" + files("gtsdsl.draw").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
