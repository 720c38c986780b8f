"""Bad input: markup, control characters, binary content, empty and very long reports, any text at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.errors import DataError
from mtlens.inference.segmentation import Rules, cleaned, segment
from mtlens.inference.segmentation.cleaning import MAX_CHARACTERS, decoded


def test_html_and_control_characters_leave_text():
    text = "<html><script>alert(1)</script><p>C5-6:&nbsp;mild <b>bulge</b>, &lt;5 mm.\x00\x07</p><br/>C6-7: normal.\r\n</html>"
    (found,) = segment([cleaned(text)], Rules())
    assert "alert" not in found.text("C5-C6")
    assert set(found.text("C5-C6").split()) >= {"mild", "bulge"}
    assert found.text("C6-C7")
    assert cleaned(cleaned(text)) == cleaned(text)


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00", "<br>"])
def test_an_empty_report_is_an_error(text):
    with pytest.raises(DataError, match="report should hold text; found none"):
        cleaned(text)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"C5-6: \xff\xfe bulge secret"])
def test_binary_content_is_an_error_without_the_content(content):
    with pytest.raises(DataError, match="should be text in UTF-8") as caught:
        decoded(content)
    assert "secret" not in str(caught.value)


def test_a_megabyte_is_refused_and_the_largest_report_is_read_in_linear_time():
    with pytest.raises(DataError, match="at most 200,000 characters; found 1,000,000"):
        cleaned("x" * 1_000_000)
    times = []
    for size in (MAX_CHARACTERS // 8, MAX_CHARACTERS):
        for unit in ("C5-", "a ", "L5S", "<a ", "- ", "1. ", "C 5 to ", "A b "):
            text = (unit * (size // len(unit)))[:size]
            started = time.process_time()
            segment([cleaned(text)], Rules())
            times.append(time.process_time() - started)
    assert sum(times[8:]) < 60 * max(sum(times[:8]), 0.05)


@pytest.mark.parametrize(
    ("report", "note"),
    [
        ("Normal alignment. No fracture.", "no motion segment is mentioned"),
        ("C5-6: bulge. L4-5: bulge.", "speaks of more than one region of the spine"),
        ("C5/6: Keine Stenose, die Foramina sind frei und das Myelon ist nicht komprimiert.", "does not look like English"),
        ("Межпозвонковый диск C5-C6 выпячен", "does not look like English"),
    ],
)
def test_what_a_reader_should_know_is_noted(report, note):
    (found,) = segment([report], Rules())
    assert any(note in one for one in found.notes)


@given(st.text(max_size=400))
def test_any_text_is_read(text):
    try:
        plain = cleaned(text)
    except DataError:
        return
    (found,) = segment([plain], Rules())
    assert all(tags for tags in found.tags)
    assert all(plain[sentence.start : sentence.end] == sentence.text for sentence in found.sentences)
