"""Two colours for layers: whether their joins have an odd cycle."""


def two_colouring(count: int, joins) -> list[int] | None:
    """A colour 0 or 1 for each of `count` layers such that every join (layer, layer) changes it, or None.

    The first layer of every connected part has colour 0, so there is one such colouring at most.
    """
    around = [[] for _ in range(count)]
    for a, b in joins:
        around[a].append(b)
        around[b].append(a)
    colour: dict[int, int] = {}
    for first in range(count):
        colour.setdefault(first, 0)
        stack = [first]
        while stack:
            layer = stack.pop()
            for other in around[layer]:
                if other not in colour:
                    colour[other] = 1 - colour[layer]
                    stack.append(other)
                elif colour[other] == colour[layer]:
                    return None
    return [colour[k] for k in range(count)]
