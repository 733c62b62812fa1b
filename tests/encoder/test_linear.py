"""A linear layer whose weight is kept in oneDNN's order answers as any other does."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mtl.encoder import linear
from mtl.encoder.backbone import replace_parameter
from mtl.encoder.linear import Linear


def _refuse(*_):
    raise RuntimeError("bf16 path needs the cpu support avx_ne_convert or avx512bw, avx512vl and avx512dq")


def _onednn(reorder=None, pointwise=None, binary=None):
    """Stands in for torch.ops.mkldnn, on processors where that has no such kernel."""
    functional = nn.functional

    def plain(inputs, weight, bias, name, *_):
        outputs = functional.linear(inputs, weight, bias)
        return functional.gelu(outputs) if name == "gelu" else outputs

    def with_sum(inputs, plus, weight, bias, _):
        return functional.linear(inputs, weight, bias) + plus

    pointwise = pointwise or (lambda *given: plain(*given))
    pointwise.binary = binary or with_sum
    return SimpleNamespace(_reorder_linear_weight=reorder or torch.clone, _linear_pointwise=pointwise)


@pytest.fixture
def on_processor(monkeypatch):
    """Let oneDNN be what is given; the processor is asked anew then, and again after the test."""

    def be(onednn):
        monkeypatch.setattr(linear, "_onednn", onednn)
        linear.has_kernel.cache_clear()

    yield be
    linear.has_kernel.cache_clear()


@pytest.fixture(params=["kernel", "refused", "no oneDNN"])
def kernel(request, on_processor):
    """Whether the processor has the kernel: every test tries all of them on every machine."""
    if request.param == "refused":
        on_processor(_onednn(reorder=_refuse))
    elif request.param == "no oneDNN":
        on_processor(SimpleNamespace())
    elif not linear.has_kernel():
        on_processor(_onednn())
    return request.param == "kernel"


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Linear(96, 64).bfloat16().requires_grad_(False)


def _inputs(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).bfloat16()


def _plain(layer, inputs):
    return nn.functional.linear(inputs.float(), layer.weight.float(), layer.bias.float())


def _near(found, exact):
    assert found.dtype == torch.bfloat16
    return torch.allclose(found.float(), exact, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("shape", [(1, 96), (7, 96), (3, 5, 96), (300, 96)])
def test_it_gives_what_a_plain_layer_gives(layer, shape, kernel):
    inputs, plus = _inputs(*shape), torch.ones(*shape[:-1], 64, dtype=torch.bfloat16)
    exact = _plain(layer, inputs)
    assert _near(layer(inputs), exact)
    assert _near(layer(inputs, gelu=True), nn.functional.gelu(exact))
    assert _near(layer(inputs, plus=plus), exact + 1)
    assert hasattr(layer.weight, "ordered") is kernel


@pytest.mark.parametrize("operation", ["reorder", "pointwise", "binary"])
def test_a_processor_that_refuses_any_of_the_operations_gets_the_plain_layer(layer, on_processor, operation):
    refused = []
    on_processor(_onednn(**{operation: lambda *given: refused.append(operation) or _refuse()}))
    inputs = _inputs(3, 96)
    for _ in range(2):
        assert _near(layer(inputs), _plain(layer, inputs))
    assert refused == [operation]  # tried once, with a tiny weight
    assert not hasattr(layer.weight, "ordered")


def test_a_weight_that_changes_is_put_in_order_again(layer, kernel):
    inputs = _inputs(4, 96)
    layer(inputs)
    with torch.no_grad():
        layer.weight.mul_(-2)
    assert _near(layer(inputs), _plain(layer, inputs))
    replace_parameter(layer, "weight", torch.zeros(64, 96, dtype=torch.bfloat16))
    assert _near(layer(inputs), layer.bias.float().expand(4, 64))


def test_two_layers_of_one_weight_keep_one_order(layer, on_processor):
    on_processor(_onednn())
    twin = Linear(96, 64).bfloat16()
    twin.weight = layer.weight
    layer(_inputs(2, 96))
    kept = layer.weight.ordered
    twin(_inputs(2, 96))
    assert twin.weight.ordered is kept


@pytest.mark.parametrize("learns", ["inputs", "weight"])
def test_gradients_flow_as_through_any_layer(layer, learns, kernel):
    inputs, plus = _inputs(4, 96), torch.zeros(4, 64, dtype=torch.bfloat16)
    inputs.requires_grad_(learns == "inputs")
    layer.weight.requires_grad_(learns == "weight")
    layer(inputs, gelu=True).sum().backward()
    layer(inputs, plus=plus).sum().backward()
    assert (inputs if learns == "inputs" else layer.weight).grad.abs().sum() > 0
    assert not hasattr(layer.weight, "ordered")


def test_float32_is_left_to_torch(layer, kernel):
    exact = layer.float()
    inputs = _inputs(4, 96).float()
    assert torch.equal(exact(inputs), nn.functional.linear(inputs, exact.weight, exact.bias))
    assert torch.equal(exact(inputs, gelu=True), nn.functional.gelu(exact(inputs)))
    assert not hasattr(exact.weight, "ordered")
