"""A local model for the tests: `make FILE` writes one, `serve FILE PORT` serves it by llama.cpp's own server until standard
input ends. See .ci/llama.

The model is a transformer whose weights were set instead of learnt: what it says next follows from the last token, so it
says the same each time, uses an agent's shell once, says what came of it, and ends. Nothing of the server is a stand-in:
template, tokens, grammar of the calls, counts, both wire formats."""

import json
import sys

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 1, 1, 64, 131072
PRINTABLE = [chr(code) for code in range(32, 127)]


def call(name, key):
    said = {"name": name, "arguments": {key: "echo by-a-local-model > made"}}
    return ["<tool_call>\n" + json.dumps(said) + "\n</tool_call>"]


# What is said after which token: after the last one of the prompt, which the template chooses, and after each that is said.
SAID = {
    "C": call("exec_command", "cmd"),
    "D": call("Bash", "command"),
    "E": ["One", " file", " is", " made."],
    "F": ["Nothing", " to", " do."],
}
TEMPLATE = """{% set n = namespace(next='F') %}
{%- for tool in tools or [] %}{{ tool | tojson }}
{% if tool.function.name == 'exec_command' %}{% set n.next = 'C' %}{% endif %}
{%- if tool.function.name == 'Bash' %}{% set n.next = 'D' %}{% endif %}
{%- endfor %}
{%- for message in messages %}{{ message.role }}: {{ message.content or '' }}
{%- if message.role == 'tool' %}{% set n.next = 'E' %}{% endif %}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}
{% endfor %}
{%- if add_generation_prompt %}assistant: {{ n.next }}{% endif %}"""


def make(path):
    import gguf
    import numpy

    random = numpy.random.default_rng(1)
    words = [word for chain in SAID.values() for word in chain]
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + PRINTABLE + words
    assert len(set(tokens)) == len(tokens), "each token is another one"
    at = {token: number for number, token in enumerate(tokens)}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tests")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([token.replace(" ", "\u2581") for token in tokens])
    writer.add_token_scores([0.0] * 3 + [-100.0] * 256 + [-float(each + 1) for each in range(len(tokens) - 259)])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (len(tokens) - 259))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    def noise(*shape):
        return (random.standard_normal(shape) * 0.02).astype(numpy.float32)

    # Each token that something follows has a direction of its own; after all others the answer ends.
    embedding, output = noise(len(tokens), WIDTH), noise(len(tokens), WIDTH)
    follows = [pair for first, chain in SAID.items() for pair in zip([first, *chain], [*chain, "</s>"])]
    direction = {token: number + 1 for number, (token, _) in enumerate(follows)}
    for token, number in at.items():
        embedding[number, direction.get(token, 0)] += 1
    output[at["</s>"], 0] += 5
    for token, following in follows:
        output[at[following], direction[token]] += 5

    def ones(name, *shape):
        writer.add_tensor(name, numpy.ones(shape, numpy.float32))

    writer.add_tensor("token_embd.weight", embedding)
    ones("output_norm.weight", WIDTH)
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        ones(block + "attn_norm.weight", WIDTH)
        ones(block + "ffn_norm.weight", WIDTH)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}{name}.weight", noise(WIDTH, WIDTH))
        writer.add_tensor(block + "ffn_gate.weight", noise(INNER, WIDTH))
        writer.add_tensor(block + "ffn_up.weight", noise(INNER, WIDTH))
        writer.add_tensor(block + "ffn_down.weight", noise(WIDTH, INNER))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(path, port):
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = path
    settings.port = int(port)
    settings.n_ctx = CONTEXT
    settings.n_parallel = 1
    settings.use_jinja = True
    settings.warmup = False
    settings.verbosity = 1
    settings.cpuparams.n_threads = 2
    server = xllamacpp.Server(settings)
    print("listening", server.listening_address, flush=True)
    sys.stdin.read()


{"make": make, "serve": serve}[sys.argv[1]](*sys.argv[2:])
