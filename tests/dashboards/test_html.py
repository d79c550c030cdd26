import html.parser

from lensfree_nb.dashboards.html import repr_html


class Parser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_the_card_escapes_and_computes_nothing(holograms, no_compute):
    evil = holograms.chunk(time=1).assign_attrs(distance_um="<script>alert(1)</script>")
    evil = evil.drop_vars("distance")
    with no_compute():
        text = evil.lf._repr_html_()
    parser = Parser()
    parser.feed(text)
    assert "script" not in parser.tags
    for words in ("640 nm", "256 × 256 px", "find_distance()", "2024-05-01T12:10"):
        assert words in text


def test_the_card_follows_the_line(holograms, reconstructed):
    assert "1000 µm" in repr_html(holograms)
    assert "ds.lf.reconstruct()" in repr_html(holograms)
    assert "rec.lf.cells()" in repr_html(reconstructed)
    assert "reconstruct" in repr_html(reconstructed)
    assert "unreadable" in repr_html(holograms.assign_attrs(provenance="{"))
