"""A turn as tokens: the one rendering that training, evaluation and serving share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.chat import Message, PromptFormat, format_prompt

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

Messages = Sequence[Mapping[str, str]]


class TurnEncoder:
    """Renders turns with a tokenizer's chat template; prompt and response are exactly what generation sees."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prompt_format: PromptFormat = "chat") -> None:
        self.tokenizer, self.prompt_format = tokenizer, prompt_format
        self.special_ids = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}

    def encode_prompt(self, messages: Messages) -> list[int]:
        """Return the tokens up to where the response begins."""
        return self._encode(format_prompt(messages, self.prompt_format))

    def fit_prompt(self, messages: Messages, max_length: int) -> tuple[list[int], bool] | None:
        """Return the tokens of a prompt and whether it was cut to `max_length`; None if it cannot be.

        The oldest messages go first (a system message stays), then the beginning of the one that is left.
        """
        kept = format_prompt(messages, self.prompt_format)
        ids = self._encode(kept)
        if len(ids) <= max_length:
            return ids, False
        while len(ids) > max_length:
            shorter = drop_oldest(kept) or self._cut_content(kept, len(ids) - max_length)
            if shorter is None:
                return None
            kept, ids = shorter, self._encode(shorter)
        return ids, True

    def encode_response(self, messages: Messages, response: str) -> list[int]:
        """Return the tokens of a response after `messages` and the marker that ends it; [] if it is empty."""
        if not response.strip():
            return []
        prompt = format_prompt(messages, self.prompt_format)
        before = self._render(prompt, is_open=True)
        text = self._render([*prompt, {"role": "assistant", "content": response}], is_open=False)
        if not text.startswith(before):  # a template that renders a prompt in another way once it is answered
            text = before + response.strip()
        prompt_ids, ids = self._tokenise(before), self._tokenise(text)
        if ids[: len(prompt_ids)] != prompt_ids:  # tokens merge across the border, where generation starts
            ids = prompt_ids + self._tokenise(text[len(before) :])
        return self._end_at_marker(ids[len(prompt_ids) :])

    def _end_at_marker(self, ids: list[int]) -> list[int]:
        """Cut what a template writes behind the end marker, or add the marker if it writes none."""
        last = next((at for at in range(len(ids) - 1, -1, -1) if ids[at] in self.special_ids), None)
        return [*ids, self.tokenizer.eos_token_id] if last is None else ids[: last + 1]

    def _cut_content(self, messages: list[Message], n_excess: int) -> list[Message] | None:
        """Return the messages without the first `n_excess` tokens of the last one's text; None if it is used up."""
        *others, last = messages
        text = last["content"]
        if not text:
            return None
        starts = [start for start, _ in self._encode_text(text, return_offsets_mapping=True)["offset_mapping"]]
        at = starts[n_excess] if n_excess < len(starts) else len(text)
        return [*others, {**last, "content": text[max(at, 1) :]}]  # at least a character, or it would never end

    def _encode(self, messages: list[Message]) -> list[int]:
        return self._tokenise(self._render(messages, is_open=True))

    def _render(self, messages: list[Message], is_open: bool) -> str:
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=is_open))

    def _tokenise(self, text: str) -> list[int]:
        return list(self._encode_text(text)["input_ids"])

    def _encode_text(self, text: str, **options: bool) -> BatchEncoding:
        """Tokenise rendered text: its special tokens stand in it, so none is added (no second BOS)."""
        return self.tokenizer(text, add_special_tokens=False, **options)


def drop_oldest(messages: list[Message]) -> list[Message] | None:
    """Return the messages without the first user message and its answer; None if only one is left."""
    n_system = int(messages[0]["role"] == "system")
    rest = messages[n_system + 1 :]
    while rest and rest[0]["role"] != "user":
        rest = rest[1:]
    return [*messages[:n_system], *rest] if rest else None
