import holoviews as hv

from lensfree_nb.dashboards.bokeh import draw_by_bokeh


def test_bokeh_is_loaded_where_nobody_did(monkeypatch):
    loaded = []
    monkeypatch.setattr(hv, "extension", lambda *names, **_: loaded.extend(names))
    monkeypatch.setattr(hv.Store, "set_current_backend", lambda name: loaded.append(f"+{name}"))
    monkeypatch.setattr(hv.Store, "renderers", {})
    draw_by_bokeh()
    monkeypatch.setattr(hv.Store, "renderers", {"bokeh": object()})
    draw_by_bokeh()
    assert loaded == ["bokeh", "+bokeh", "+bokeh"]
