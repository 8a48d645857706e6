import pytest
import torch
from kp_plugin_mappers.config import LinearConfig, MLPConfig
from kp_plugin_mappers.mappers import LinearMapper, MLPMapper

from kpframework.api import Context


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("source", "parameters"), [(128, 99_072), (228, 175_872)])
def test_the_linear_map_has_the_published_number_of_parameters(source, parameters):
    module = LinearMapper(LinearConfig(), Context()).build(source, 768)
    assert count(module) == parameters
    assert module.bias is not None


def test_the_linear_map_is_affine():
    module = LinearMapper(LinearConfig(), Context()).build(5, 7)
    x, y = torch.randn(3, 5), torch.randn(3, 5)
    with torch.no_grad():
        expected = x @ module.weight.T + module.bias
        torch.testing.assert_close(module(x), expected)
        torch.testing.assert_close(module(x + y) + module.bias, module(x) + module(y))


def test_the_mlp_is_two_affine_maps_with_a_gelu_between_them():
    module = MLPMapper(MLPConfig(hidden=11), Context()).build(5, 7).eval()
    assert count(module) == 5 * 11 + 11 + 11 * 7 + 7
    first, last = module[0], module[-1]
    x = torch.randn(3, 5)
    with torch.no_grad():
        inner = x @ first.weight.T + first.bias
        gelu = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
        torch.testing.assert_close(module(x), gelu @ last.weight.T + last.bias)
