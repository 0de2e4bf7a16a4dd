"""Golden cases of the families dag and two_heads, of any sizes, computed by PyTorch in float64.

python3 graph_cases.py FOLDER    writes the two cases of other sizes (cases/README.md)
"""
import json
import pathlib
import sys

import torch

torch.set_default_dtype(torch.float64)


def draw(*shape, scale=1.0):
    """Random numbers that are exact float32 values."""
    return (torch.randn(*shape) * scale).float().double()


def tensor(x):
    return {"shape": list(x.shape), "data": x.detach().reshape(-1).tolist()}


def layer(name, inputs, outputs):
    scale = inputs ** -0.5
    return {
        name + ".weight": draw(outputs, inputs, scale=scale).requires_grad_(),
        name + ".bias": draw(outputs, scale=scale).requires_grad_(),
    }


def dense(params, name, x):
    return x @ params[name + ".weight"].T + params[name + ".bias"]


def finish(case, params, inputs, loss):
    loss.backward()
    case["params"] = {name: tensor(p) for name, p in params.items()}
    case["inputs"] = [tensor(x) for x in inputs]
    case["loss_value"] = loss.item()
    case["grads"] = {name: tensor(p.grad) for name, p in params.items()}
    case["input_grads"] = [tensor(x.grad) for x in inputs]
    return case


def dag(batch, n1, n2, hidden, out):
    params = {**layer("A", n1, hidden), **layer("B", n2, hidden), **layer("C", hidden, out)}
    x1, x2 = draw(batch, n1).requires_grad_(), draw(batch, n2).requires_grad_()
    target = draw(batch, out)
    both = torch.cat([torch.tanh(dense(params, "A", x1)), torch.relu(dense(params, "B", x2))], 1)
    s1, s2 = both[:, :hidden], both[:, hidden:]
    output = dense(params, "C", s1 * s2 + s1)
    case = {
        "about": "a = tanh(A x1); b = relu(B x2); c = [a ; b]; s1, s2 = split(c); y = C(s1 * s2 + skip), skip = s1",
        "spec": {"type": "dag", "n1": n1, "n2": n2, "hidden": hidden, "out": out},
        "loss": "mse",
        "target": tensor(target),
        "output": tensor(output),
    }
    return finish(case, params, [x1, x2], ((output - target) ** 2).mean())


def two_heads(batch, n, hidden, classes, out):
    params = {**layer("T", n, hidden), **layer("P", hidden, classes), **layer("Q", hidden, out)}
    x = draw(batch, n).requires_grad_()
    labels = torch.nn.functional.one_hot(torch.randint(classes, (batch,)), classes).double()
    target = draw(batch, out)
    h = torch.relu(dense(params, "T", x))
    scores, values = dense(params, "P", h), dense(params, "Q", h)
    loss = -(labels * torch.log_softmax(scores, 1)).sum(1).mean() + 0.5 * ((values - target) ** 2).mean()
    case = {
        "about": "h = relu(T x); y1 = P h (softmax cross-entropy), y2 = Q h (mse); total = l1 + 0.5 * l2",
        "spec": {"type": "two_heads", "n": n, "hidden": hidden, "classes": classes, "out": out},
        "targets": [tensor(labels), tensor(target)],
        "outputs": [tensor(scores), tensor(values)],
    }
    return finish(case, params, [x], loss)


torch.manual_seed(20261122)
folder = pathlib.Path(sys.argv[1])
(folder / "dag_other_sizes.json").write_text(json.dumps(dag(3, 17, 2, 19, 1)) + "\n")
(folder / "dag_two_heads_other_sizes.json").write_text(json.dumps(two_heads(5, 3, 33, 7, 1)) + "\n")
