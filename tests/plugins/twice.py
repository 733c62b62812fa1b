"""A plug-in whose kind is there already."""

from tests.plugins.grades import TASK_KINDS as TASK_KINDS
