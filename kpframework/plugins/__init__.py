"""Installed plugins: found by their metadata, loaded one by one, looked up by kind and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpframework.lazy import lazy_names

if TYPE_CHECKING:
    from kpframework.plugins.loading import load as load
    from kpframework.plugins.options import OptionRow as OptionRow
    from kpframework.plugins.options import option_rows as option_rows
    from kpframework.plugins.records import PluginRecord as PluginRecord
    from kpframework.plugins.records import RegisteredComponent as RegisteredComponent
    from kpframework.plugins.registry import Registry as Registry

_HOME = {
    "OptionRow": "options",
    "PluginRecord": "records",
    "RegisteredComponent": "records",
    "Registry": "registry",
    "load": "loading",
    "option_rows": "options",
}
__all__ = list(_HOME)
__getattr__ = lazy_names("kpframework.plugins", _HOME)
