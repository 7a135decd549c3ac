"""A network of Twill's as one of PyTorch's: built from the operators' texts (docs/networks.md) and their inputs."""
import torch
from torch import nn
from torch.nn import functional


class Add(nn.Module):
    def forward(self, first, second):
        return first + second


class Pool(nn.Module):
    """Over the whole image."""
    def forward(self, x):
        return x.mean((2, 3))


def sizes(text):
    both = [int(part) for part in text.split("x")]
    return both * 2 if len(both) == 1 else both


def padding(text, kernel, stride):
    """The same on both sides; anything else is not timed."""
    if text == "same":
        if any(k % 2 == 0 for k in kernel) or stride != [1, 1]:
            raise ValueError("padding that differs between the sides")
        return [k // 2 for k in kernel]
    if "," in text:
        raise ValueError("padding that differs between the sides")
    return sizes(text)


def read_operator(text):
    """Its name, its values in order, and its options by name."""
    words = text.split()
    values, options, at = [], {"nobias": False, "countpad": False}, 1
    while at < len(words):
        if words[at][0].isdigit():
            values.append(words[at])
        elif words[at] in options:
            options[words[at]] = True
        else:
            options[words[at]] = words[at + 1]
            at += 1
        at += 1
    return words[0], values, options


def window(values, options, default_stride):
    kernel = sizes(values[-1])
    stride = sizes(options.get("stride", default_stride or values[-1]))
    return kernel, stride, padding(options.get("pad", "0"), kernel, stride)


def make(text, shape):
    """The module of an operator whose first input has this shape (channels, height, width; or one number)."""
    name, values, options = read_operator(text)
    flat = len(shape) == 1
    count = 1
    for size in shape:
        count *= size
    if name == "conv":
        kernel, stride, pad = window(values, options, "1")
        return nn.Conv2d(shape[0], int(values[0]), kernel, stride, pad, sizes(options.get("dilation", "1")),
                         int(options.get("groups", 1)), not options["nobias"])
    if name == "dense":
        linear = nn.Linear(count, int(values[0]), not options["nobias"])
        return linear if flat else nn.Sequential(nn.Flatten(), linear)
    if name == "maxpool":
        return nn.MaxPool2d(*window(values, options, None))
    if name == "avgpool":
        return nn.AvgPool2d(*window(values, options, None), count_include_pad=options["countpad"])
    if name == "batchnorm":
        return (nn.BatchNorm1d if flat else nn.BatchNorm2d)(shape[0])
    if name == "dropout":
        return nn.Dropout(float(values[0]))
    if name == "leakyrelu":
        return nn.LeakyReLU(float(values[0]) if values else 0.01)
    if name == "relu6":
        return nn.ReLU6(inplace=True)
    plain = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "flatten": nn.Flatten,
             "globalavgpool": Pool, "add": Add}
    if name == "softmax":
        return nn.Softmax(1)
    if name not in plain:
        raise ValueError(f"the operator {name} has no counterpart here")
    return plain[name]()


class Net(nn.Module):
    """`operators`: texts and the numbers of their inputs, 0 being the network's."""
    def __init__(self, image, operators):
        super().__init__()
        self.inputs = [[int(number) for number in inputs.split(",")] for _, inputs in operators]
        self.operators = nn.ModuleList()
        values = [torch.zeros(2, *image)]
        with torch.no_grad():
            for (text, _), inputs in zip(operators, self.inputs):
                operator = make(text, values[inputs[0]].shape[1:])
                values.append(operator(*(values[number] for number in inputs)))
                self.operators.append(operator)
        self.last_use = {number: at for at, inputs in enumerate(self.inputs) for number in inputs}

    def forward(self, x):
        values = {0: x}
        for at, (operator, inputs) in enumerate(zip(self.operators, self.inputs)):
            values[at + 1] = operator(*(values[number] for number in inputs))
            for number in inputs:
                if self.last_use[number] == at:
                    values.pop(number, None)
        return values[len(self.operators)]


def prepare(mode, batch, image, operators, try_out):
    """A network in the quickest of several forms: that form's name, and the function to call."""
    def plain(layout):
        net = Net(image, operators).to(memory_format=layout)
        x = torch.rand(batch, *image).contiguous(memory_format=layout)
        if mode == "inference":
            net.eval()
            return without_gradients(lambda: net(x))
        labels = torch.arange(batch) % net(x).shape[1]
        if isinstance(net.operators[-1], nn.Softmax):
            net.operators[-1] = nn.Identity()

        def step():
            for parameter in net.parameters():
                parameter.grad = None
            functional.cross_entropy(net(x), labels).backward()
        net.train()
        return with_gradients(step)

    def frozen(layout):
        if mode != "inference":
            raise RuntimeError("only inference is frozen")
        x = torch.rand(batch, *image).contiguous(memory_format=layout)
        with torch.no_grad():
            net = Net(image, operators).to(memory_format=layout).eval()
            quick = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
        return without_gradients(lambda: quick(x))

    best = None
    layouts = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
    for form, maker in (("", plain), ("frozen_", frozen)):
        for layout, memory_format in layouts.items():
            try:
                run = maker(memory_format)
                took = try_out(run)
            except RuntimeError as error:
                if form == "":
                    raise error
                continue
            if best is None or took < best[0]:
                best = took, form + layout, run
    return best[1:]


def without_gradients(work):
    def run():
        with torch.no_grad():
            work()
    return run


def with_gradients(work):
    def run():
        with torch.enable_grad():
            work()
    return run
