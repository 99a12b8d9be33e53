"""Which plugins are installed, in an order that never depends on the file system."""

from __future__ import annotations

import pytest

from dicomlogic_core import discovery


def _found(prefix: str) -> list[tuple[str, str, str]]:
    """Name, distribution and version of what the test itself installed."""
    origins = [plugin.origin for plugin in discovery.discover().plugins]
    return [(o.plugin, o.distribution, o.version) for o in origins if o.distribution.startswith(prefix)]


def test_name_distribution_and_version_come_from_the_metadata(site):
    site.install("zz-one", name="first", version="2.5")
    assert _found("zz-") == [("first", "zz-one", "2.5")]


def test_nothing_is_imported(site):
    site.install("zz-one", code="raise RuntimeError('imported')")
    assert _found("zz-") == [("zz-one", "zz-one", "1.0")]


def test_order_is_by_distribution_then_name_whatever_was_installed_first(site):
    site.install("zz-c", entry_points="[dicomlogic]\nlate = m\nearly = m\n")
    site.install("zz-a", name="z")
    site.install("zz-b", name="a")
    assert [name for name, _, _ in _found("zz-")] == ["z", "a", "early", "late"]


def test_other_groups_are_not_ours(site):
    site.install("zz-one", entry_points="[console_scripts]\nx = m:main\n")
    assert _found("zz-") == []


def test_a_superseded_copy_further_down_the_path_is_ignored(site, tmp_path, monkeypatch):
    old = type(site)(tmp_path / "old")
    old.folder.mkdir()
    monkeypatch.syspath_prepend(str(old.folder))
    monkeypatch.syspath_prepend(str(site.folder))
    old.install("zz-one", version="1.0")
    site.install("zz_one", version="2.0", module="zz_one_plugin", name="zz-one")
    assert _found("zz") == [("zz-one", "zz_one", "2.0")]


def test_two_distributions_with_one_entry_point_name_are_both_kept_and_say_so(site):
    site.install("zz-a", name="same")
    site.install("zz-b", name="Same")
    plugins = [plugin for plugin in discovery.discover().plugins if plugin.origin.distribution.startswith("zz-")]
    assert [plugin.origin.plugin for plugin in plugins] == ["zz-a:same", "zz-b:Same"]
    for plugin, other in zip(plugins, ("zz-b", "zz-a"), strict=True):
        assert plugin.origin.distribution in plugin.origin.notes[0]
        assert other in plugin.origin.notes[0]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("entry_points.txt", b"[dicomlogic]\nno equals sign\n"),
        ("entry_points.txt", b"[dicomlogic]\nzz-bad = zz_\xff\n"),
        ("METADATA", b""),
        ("METADATA", b"\xff\xfe\x00"),
        ("METADATA", None),
    ],
)
def test_one_damaged_distribution_costs_only_itself(site, file, content):
    site.install("zz-bad")
    site.install("zz-good")
    damaged = site.folder / "zz_bad-1.0.dist-info" / file
    damaged.unlink() if content is None else damaged.write_bytes(content)
    found = discovery.discover()
    assert _found("zz-good") == [("zz-good", "zz-good", "1.0")]
    assert "zz-bad" not in [plugin.entry_name for plugin in found.plugins]
    (failure,) = found.failures
    assert failure.stage == "discover"
    assert "zz_bad" in failure.error
    assert "install it again" in failure.error


def test_a_damaged_distribution_without_plugins_is_not_our_concern(site):
    site.install("zz-bad", entry_points="[console_scripts]\nno equals sign\n")
    site.install("zz-good")
    assert discovery.discover().failures == ()
    assert _found("zz-good") == [("zz-good", "zz-good", "1.0")]


@pytest.mark.parametrize("editable", [True, False])
def test_editable_installs_are_told_apart_by_the_installers_record(site, editable):
    site.install("zz-one", editable=editable)
    (plugin,) = [plugin for plugin in discovery.discover().plugins if plugin.origin.distribution == "zz-one"]
    assert plugin.editable is editable


def test_what_is_installed_later_is_found(site):
    assert _found("zz-") == []
    site.install("zz-one")
    assert _found("zz-") == [("zz-one", "zz-one", "1.0")]
    site.uninstall("zz-one")
    assert _found("zz-") == []


def test_loading_gives_the_module(site):
    module = site.install("zz-one", code="answer = 42")
    (plugin,) = [plugin for plugin in discovery.discover().plugins if plugin.origin.distribution == "zz-one"]
    loaded = plugin.load()
    assert (loaded.__name__, loaded.answer) == (module, 42)
