"""Completions by the real openai client: the same text as evaluation's, whole or streamed, alone or in a crowd."""

import asyncio

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

import openai  # noqa: E402 - after the skip

from tasks.evaluation import generate_responses  # noqa: E402 - likewise
from tasks.experts import TurnEncoder  # noqa: E402 - likewise

TEXTS = [
    "I lost my keys.", "We went to the beach, and then " * 6, "She got the job!", "Why me?", "Ångström 🙂 " * 3,
    "I was scared last night.", "My sister is moving away and I do not know what to do about it.", "Hm.",
]  # fmt: skip
PROMPTS = [[{"role": "user", "content": text}] for text in TEXTS]
LONG = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "I had a hard day."},
    {"role": "assistant", "content": "Oh no, why?"},
    {"role": "user", "content": "Work."},
]


@pytest.fixture
def client(serve):
    """The client of a server with a small batch, so that requests join and leave it."""
    with openai.OpenAI(base_url=f"{serve(max_batch=3).url}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client, messages, **options):
    return client.chat.completions.create(model="mixture", messages=messages, **options)


def join(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_completion_is_what_greedy_evaluation_gives(client, mixture):
    [expected] = generate_responses(*mixture, [LONG], max_new_tokens=24, batch_size=1)
    done = ask(client, LONG, max_tokens=24)
    assert done.choices[0].message.content == expected
    assert (done.choices[0].message.role, done.choices[0].finish_reason, done.model) == (
        "assistant",
        "length",
        "mixture",
    )
    n_prompt = len(TurnEncoder(mixture[1]).encode_prompt(LONG))
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (
        n_prompt, 24, n_prompt + 24
    )  # fmt: skip
    assert done.object == "chat.completion"
    assert done.system_fingerprint == "fp_1"


def test_requests_of_many_lengths_at_once_are_answered_as_alone(serve, mixture):
    mixture[0].generation_config.eos_token_id = [mixture[1].eos_token_id]  # some end by themselves
    url = f"{serve(max_batch=3).url}/v1"
    limits = [5, 30, 12, 3, 21, 40, 8, 17]
    expected = [
        generate_responses(*mixture, [prompt], n, 1)[0] for prompt, n in zip(PROMPTS, limits, strict=True)
    ]  # fmt: skip

    async def ask_all():
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as many:
            calls = [
                many.chat.completions.create(model="mixture", messages=prompt, max_completion_tokens=n)
                for prompt, n in zip(PROMPTS, limits, strict=True)
            ]
            return [done.choices[0].message.content for done in await asyncio.gather(*calls)]

    assert asyncio.run(ask_all()) == expected
    assert len(set(expected)) > 3


def test_a_stream_brings_the_same_text_in_pieces_and_the_usage_at_its_end(client):
    whole = ask(client, LONG, max_tokens=24)
    chunks = list(ask(client, LONG, max_tokens=24, stream=True, stream_options={"include_usage": True}))
    assert join(chunks) == whole.choices[0].message.content
    assert len(chunks) > 10
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [*[None] * (len(chunks) - 2), "length"]
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert {(chunk.id, chunk.model, chunk.object) for chunk in chunks} == {
        (chunks[0].id, "mixture", "chat.completion.chunk")
    }
    plain = list(ask(client, LONG, max_tokens=4, stream=True))
    assert all(chunk.usage is None for chunk in plain)


def test_an_end_token_ends_a_response_and_is_no_part_of_it(serve, mixture):
    model, tokenizer = mixture
    prompt = TurnEncoder(tokenizer).encode_prompt(LONG)
    ids = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False)[0, len(prompt) :].tolist()
    at = next(n for n in range(6, 24) if ids[n] not in ids[:n])
    model.generation_config.eos_token_id = [ids[at]]  # as if this token were the end marker
    [expected] = generate_responses(model, tokenizer, [LONG], max_new_tokens=24, batch_size=1)
    with openai.OpenAI(base_url=f"{serve().url}/v1", api_key="none", max_retries=0) as client:
        done = ask(client, LONG, max_tokens=24)
        streamed = join(ask(client, LONG, max_tokens=24, stream=True))
    assert done.choices[0].message.content == streamed == expected
    assert (done.choices[0].finish_reason, done.usage.completion_tokens) == ("stop", at + 1)


def test_a_stop_text_ends_a_response(client):
    whole = ask(client, LONG, max_tokens=24).choices[0].message.content
    stop = whole[len(whole) // 2 :][:3]
    for options in ({"stop": stop}, {"stop": ["never there", stop]}):
        done = ask(client, LONG, max_tokens=24, **options)
        assert done.choices[0].message.content == whole.partition(stop)[0].strip()
        assert done.choices[0].finish_reason == "stop"
        assert done.usage.completion_tokens < 24
        assert join(ask(client, LONG, max_tokens=24, stream=True, **options)) == done.choices[0].message.content


def test_a_seed_repeats_a_sampled_response_also_in_a_crowd(client):
    def draw(seed):
        return ask(client, LONG, max_tokens=16, temperature=1.5, top_p=0.9, seed=seed).choices[0].message.content

    first = draw(11)

    async def crowd():
        return await asyncio.gather(*(asyncio.to_thread(draw, seed) for seed in (1, 2, 11, 3, 4)))

    others = asyncio.run(crowd())
    assert others[2] == first
    assert len({first, *others}) == 5


def test_neighbours_of_one_role_and_parts_are_joined_as_in_training(client):
    joined = [{"role": "user", "content": "I lost my keys.\nAgain."}]
    parts = [
        {"role": "user", "content": [{"type": "text", "text": "I lost "}, {"type": "text", "text": "my keys."}]},
        {"role": "user", "content": "Again."},
    ]
    first, second = (ask(client, messages, max_tokens=12) for messages in (joined, parts))
    assert first.choices[0].message == second.choices[0].message
    assert first.usage == second.usage


def test_a_response_can_be_sent_back_as_the_client_holds_it(client):
    message = ask(client, LONG, max_tokens=4).choices[0].message
    again = ask(client, [*LONG, message, {"role": "user", "content": "And?"}], max_tokens=4)
    assert again.usage.completion_tokens == 4
    with_nulls = [*LONG, message.model_dump(), {"role": "user", "content": "And?"}]
    assert ask(client, with_nulls, max_tokens=4).choices[0].message == again.choices[0].message


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["mixture"]
    assert client.models.retrieve("mixture").object == "model"
    with pytest.raises(openai.NotFoundError, match="'mixture' is"):
        client.models.retrieve("gpt-4")


def test_the_released_prompt_format_is_rendered_as_in_training(serve, mixture):
    url = serve(prompt_format="released").url
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        [expected] = generate_responses(
            *mixture,
            [
                [
                    {
                        "role": "user",
                        "content": "Speaker: I had a hard day.\nListener: Oh no, why?\nSpeaker: Work.\nListener: ",
                    }
                ]
            ],
            max_new_tokens=12,
            batch_size=1,
        )
        assert ask(client, LONG[1:], max_tokens=12).choices[0].message.content == expected
        with pytest.raises(openai.BadRequestError, match="no system message"):
            ask(client, LONG)
