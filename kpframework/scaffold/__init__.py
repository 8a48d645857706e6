"""New plugin distributions, written from the templates beside this module."""

from kpframework.scaffold.names import Author as Author
from kpframework.scaffold.names import Plugin as Plugin
from kpframework.scaffold.names import new_plugin as new_plugin
from kpframework.scaffold.write import write_distribution as write_distribution
