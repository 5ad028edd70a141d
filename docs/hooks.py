"""Hooks of the documentation site: pages and files of the repository that docs/ links to."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
REPOSITORY = "repository"
"""Where what lies outside docs/ has its place in the site."""

_FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
_FROM_NETWORK = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^>]*>"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*\bhref=["']?(?:https?:)?//[^>]*>"""
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the top of the repository, and the files outside docs/ that are linked."""
    outside = set(PAGES)
    for page in [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in PAGES)]:
        folder = page.parent.relative_to(ROOT).as_posix()
        for link, _ in _LINK.findall(_prose(page.read_text(encoding="utf-8"))):
            target = posixpath.normpath(posixpath.join(folder, link))
            if (ROOT / target).is_file() and not target.startswith("docs/"):
                outside.add(target)
    for target in sorted(outside):
        place = f"{REPOSITORY}/{target}"
        files.append(File.generated(config, place, abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    here = posixpath.dirname(page.file.src_uri)
    inside = here.removeprefix(REPOSITORY) if here.startswith(REPOSITORY) else f"docs/{here}"

    def moved(match: re.Match[str]) -> str:
        link, anchor = match[1], match[2] or ""
        if ":" in link:
            return match[0]
        target = posixpath.normpath(posixpath.join(inside.strip("/"), link))
        place = target[5:] if target.startswith("docs/") else f"{REPOSITORY}/{target}"
        return f"]({posixpath.relpath(place, here or '.')}{anchor})"

    parts = _FENCED.split(markdown)
    parts[::2] = [_LINK.sub(moved, part) for part in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that a reader without a network would not see whole."""
    found = _FROM_NETWORK.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads something from the network: {found[0]}")
    return output


def _prose(markdown: str) -> str:
    return _FENCED.sub("", markdown)
