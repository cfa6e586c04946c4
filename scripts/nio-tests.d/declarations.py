"""Finds and removes declarations in Swift source, by name: enough of the language to know strings and comments from code."""

import re


class NotFound(Exception):
    pass


def blanked(text):
    """The text with what is in comments and strings replaced by spaces, so that its braces are those of the code."""
    out = list(text)
    place, end = 0, len(text)

    def blank(start, stop):
        for index in range(start, stop):
            if out[index] != "\n":
                out[index] = " "

    while place < end:
        if text.startswith("//", place):
            stop = text.find("\n", place)
            stop = end if stop < 0 else stop
        elif text.startswith("/*", place):
            depth, stop = 1, place + 2
            while depth and stop < end:
                if text.startswith("/*", stop):
                    depth, stop = depth + 1, stop + 2
                elif text.startswith("*/", stop):
                    depth, stop = depth - 1, stop + 2
                else:
                    stop += 1
        elif match := re.compile(r'(#*)("""|")').match(text, place):
            stop = end_of_string(text, match.end(), match[2], match[1])
        else:
            place += 1
            continue
        blank(place, stop)
        place = stop
    return "".join(out)


def end_of_string(text, place, quote, hashes):
    escape = "\\" + hashes
    while place < len(text):
        if text.startswith(quote + hashes, place):
            return place + len(quote + hashes)
        if text.startswith(escape + "(", place):
            place = end_of_group(text, place + len(escape) + 1)
        elif text.startswith(escape, place):
            place += len(escape) + 1
        else:
            place += 1
    return place


def end_of_group(text, place):
    """Behind the bracket that closes an interpolation."""
    depth = 1
    while depth and place < len(text):
        if match := re.compile(r'(#*)("""|")').match(text, place):
            place = end_of_string(text, match.end(), match[2], match[1])
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
    return place


def extent(text, code, match):
    """From the attributes and comments above a declaration to the end of its body."""
    place, depth = match.end(), 0
    while place < len(code) and not (code[place] == "{" and depth == 0):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(code[place], 0)
        place += 1
    depth = 0
    while place < len(code):
        depth += {"{": 1, "}": -1}.get(code[place], 0)
        place += 1
        if depth == 0:
            break
    start = text.rfind("\n", 0, match.start("word")) + 1
    while start > 0:
        above = text.rfind("\n", 0, start - 1) + 1
        if not re.match(r"\s*(@\w|//)", text[above : start - 1]):
            break
        start = above
    stop = text.find("\n", place)
    return start, len(text) if stop < 0 else stop + 1


def declaration(text, name):
    """The range of the one function, type or extension of that name."""
    code = blanked(text)
    pattern = re.compile(rf"\b(?P<word>func|class|struct|enum|actor|extension)\s+{re.escape(name)}\b(?!\s*\.)")
    matches = list(pattern.finditer(code))
    if not matches:
        raise NotFound(name)
    return extent(text, code, matches[0])


def without(text, name):
    """The text without the declarations of that name, and what was taken out."""
    taken = []
    while True:
        try:
            start, stop = declaration(text, name)
        except NotFound:
            if not taken:
                raise
            return text, "".join(taken)
        taken.append(text[start:stop])
        text = text[:start] + text[stop:]


def types(text):
    """The names of the types that a file declares."""
    return set(re.findall(r"\b(?:class|struct)\s+(\w+)", blanked(text)))


def tests(text):
    """The names of the test functions in it."""
    return re.findall(r"\bfunc\s+(test\w*)\s*\(", blanked(text))
