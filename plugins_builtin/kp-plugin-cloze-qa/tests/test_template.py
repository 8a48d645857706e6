import pytest
from kp_plugin_cloze_qa.template import Template


def shown(template, subject="New Ulm"):
    """Return the sentence with its subject in <> and a | where the answer is hidden."""
    made = Template(template).filled(subject)
    start, end = made.subject
    assert made.text[start:end] == subject
    assert made.text == made.text.strip()
    places = {start: "<", end: ">"}
    marked = "".join(
        ("|" if i == made.hidden and not made.after else "")
        + (">" if i == end else "")
        + ("|" if i == made.hidden and made.after else "")
        + ("<" if i == start else "")
        + (made.text[i] if i < len(made.text) else "")
        for i in range(len(made.text) + 1)
    )
    assert places
    return marked


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Where was [X] born?", "Where was <New Ulm> born?|"),
        ("[X] was born in [Y] .", "<New Ulm> was born in| ."),
        ("[X] was born in [Y].", "<New Ulm> was born in|."),
        ("In [Y] was born [X] .", "In| was born <New Ulm> ."),
        ("[Y] is where [X] was born.", "|is where <New Ulm> was born."),
        ("Who founded [X]", "Who founded <New Ulm>|"),
        ("Capital of [X]: [Y]", "Capital of <New Ulm>:|"),
        ("[X] [Y]", "<New Ulm>|"),
        (" [Y] [X] ", "|<New Ulm>"),
    ],
)
def test_the_subject_and_the_hidden_place_stand_where_the_template_has_them(template, expected):
    assert shown(template) == expected


def test_a_subject_that_holds_the_signs_of_a_template_is_text():
    assert shown("Where is [X]?", "the [Y] of [X]") == "Where is <the [Y] of [X]>?|"


@pytest.mark.parametrize("text", ["no place", "[X] and [X]", "[X] [Y] [Y]"])
def test_a_template_has_one_subject_and_at_most_one_answer(text):
    with pytest.raises(ValueError, match=r"\[X\]"):
        Template(text)


def test_a_subject_is_cut_out_of_its_question():
    template = Template("Where was [X] born?")
    question = template.filled("Anne of Cleves").text
    assert question[slice(*template.subject_of(question))] == "Anne of Cleves"
    assert template.subject_of("Where did Anne die?") is None


@pytest.mark.parametrize("template", ["Who founded [X]", "[X]'s child", "Where was [X] born?"])
def test_an_empty_subject_is_none(template):
    question = template.replace("[X]", "")
    assert Template(template).subject_of(question) is None
