"""What the words mean: a convolution that unrolls into a graph (the paper's Figure 1), and the glossary."""

from sparse_topology.report.definitions import glossary
from sparse_topology.report.page import Glossary, Heading, Section, Unrolling
from sparse_topology.report.sections.inputs import PageInputs


def section(inputs: PageInputs) -> Section:
    part = Section("words", "The words")
    part.blocks += [Heading("unrolling", "A convolution as a graph"), Unrolling()]
    for number, (group, entries) in enumerate(glossary().items()):
        part.blocks += [Heading(f"words-{number}", group), Glossary(entries)]
    return part
