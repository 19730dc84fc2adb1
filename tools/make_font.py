"""Make gtsdsl/draw/font: Arimo, cut to the letters of Europe, and their widths, from Debian's package fonts-croscore.

    pip install fonttools && python tools/make_font.py

Needs apt-get and dpkg-deb for the download. Arimo has the SIL Open Font License 1.1, without a reserved name; its
letters are as wide as those of Arial, which a viewer without Arimo shows instead.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from fontTools import subset

PACKAGE = "fonts-croscore"
FOLDER = Path(__file__).parent.parent / "gtsdsl" / "draw" / "font"
# Latin with its extensions, Greek, Cyrillic, punctuation, arrows, mathematical signs
LETTERS = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x250),
    *range(0x370, 0x460),
    *range(0x1E00, 0x1F00),
    *range(0x2010, 0x2050),
]
LETTERS += [
    0x20AC,
    0x2116,
    0x2122,
    0x2190,
    0x2191,
    0x2192,
    0x2193,
    0x2194,
    0x2212,
    0x221E,
    0x2248,
    0x2260,
    0x2264,
    0x2265,
]


def main() -> None:
    """Download the package, and write the fonts and the table of widths."""
    widths: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "-qq", "download", PACKAGE], cwd=folder, check=True)
        (package,) = Path(folder).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package.name, "out"], cwd=folder, check=True)
        for style in ("Regular", "Bold"):
            (path,) = (Path(folder) / "out").rglob(f"Arimo-{style}.ttf")
            options = subset.Options(layout_features=["kern"], hinting=False, notdef_outline=True, name_IDs=["*"])
            font = subset.load_font(str(path), options)
            subsetter = subset.Subsetter(options)
            subsetter.populate(unicodes=LETTERS)
            subsetter.subset(font)
            font.recalcTimestamp = False
            target = FOLDER / f"Arimo-{style}.ttf"
            font.save(target)
            per_em = font["head"].unitsPerEm
            widths[style.lower()] = {
                chr(code): round(font["hmtx"][name][0] * 1000 / per_em)
                for code, name in sorted(font.getBestCmap().items())
            }
            print(f"{target.name}: {len(font.getBestCmap())} letters, {target.stat().st_size:,} bytes")
    rows = ",\n".join(f'  "{style}": {json.dumps(table, separators=(",", ":"))}' for style, table in widths.items())
    (FOLDER / "widths.json").write_text(f"{{\n{rows}\n}}\n", "utf-8")


if __name__ == "__main__":
    main()
