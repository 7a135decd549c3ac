"""PyTorch as a peer of `twill bench`: one line a request on standard input, one line an answer on standard output;
the words are those of src/cli/bench_peer.h. The quickest of its layouts is timed: channels first, channels last, and the
order that its oneDNN chooses, forward with the weights packed beforehand."""
import os
import sys
import time

DEBIAN = "/usr/bin/python3"  # has the packages of the system, even where another python comes first on the path
try:
    import torch
except ImportError as error:
    if os.path.exists(DEBIAN) and os.path.realpath(sys.executable) != os.path.realpath(DEBIAN):
        os.execv(DEBIAN, [DEBIAN, __file__])
    torch, missing = None, f"{error} in {sys.executable}"
else:
    import torch_net

TIMES_MOST = 64
MASKS = {"backward-data": [True, False, False], "backward-weights": [False, True, True]}


def backward(name, x, weight, gradient, how):
    """The gradient that the pass asks for."""
    stride, padding, dilation, groups = how
    return torch.ops.aten.convolution_backward(gradient, x, weight, [weight.shape[0]], stride, padding, dilation,
                                               False, [0, 0], groups, MASKS[name])


def plain(name, shapes, how, layout):
    """The convolution on ordinary tensors, as a function to call."""
    torch.manual_seed(1)
    x, weight = (torch.rand(shape).contiguous(memory_format=layout) for shape in shapes)
    bias = torch.rand(weight.shape[0])

    def forward():
        return torch.conv2d(x, weight, bias, *how)

    if name == "forward":
        return forward
    gradient = torch.rand_like(forward())
    return lambda: backward(name, x, weight, gradient, how)


def inside(name, shapes, how):
    """The convolution on tensors in oneDNN's own order, forward with weights packed (backward takes none so)."""
    stride, padding, dilation, groups = how
    torch.manual_seed(1)
    x, weight = (torch.rand(shape) for shape in shapes)
    bias = torch.rand(weight.shape[0]).to_mkldnn()
    own = x.to_mkldnn()
    if name == "forward":
        packed = torch._C._nn.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), padding, stride, dilation, groups)
        return lambda: torch.conv2d(own, packed, bias, *how)
    gradient = torch.rand_like(torch.conv2d(x, weight, None, *how)).to_mkldnn()
    return lambda: backward(name, own, weight, gradient, how)


def prepare(words):
    """The convolution of a request in the quickest layout: that layout's name, and the function to call."""
    name = words[0]
    threads, n, c, h, w, k, r, s, sh, sw, ph, pw, dh, dw, groups = map(int, words[1:])
    torch.set_num_threads(threads)
    shapes = (n, c, h, w), (k, c // groups, r, s)
    how = [sh, sw], [ph, pw], [dh, dw], groups
    makers = {"nchw": lambda: plain(name, shapes, how, torch.contiguous_format),
              "nhwc": lambda: plain(name, shapes, how, torch.channels_last),
              "own": lambda: inside(name, shapes, how)}
    candidates = []
    for layout, make in makers.items():
        try:
            run = make()
            candidates.append((try_out(run), layout, run))
        except (RuntimeError, AttributeError) as error:
            reason = error
    if not candidates:
        raise reason
    return min(candidates, key=lambda candidate: candidate[0])[1:]


def prepare_network(line):
    """network MODE THREADS BATCH CxHxW; OPERATOR < INPUT[,INPUT]; ..."""
    head, *operators = line.strip().split("; ")
    _, mode, threads, batch, image = head.split()
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    pairs = [operator.rsplit(" < ", 1) for operator in operators]
    return torch_net.prepare(mode, int(batch), [int(size) for size in image.split("x")], pairs, try_out)


def try_out(run):
    """Least of a few calls, and of some milliseconds, after one that warms."""
    run()
    least, begin, calls = float("inf"), time.perf_counter(), 0
    while calls < 3 or time.perf_counter() - begin < 0.005:
        least = min(least, clock(run, 1))
        calls += 1
    return least


def clock(run, calls):
    """Seconds of a call, as the mean of a few."""
    before = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - before) / calls


def measure(run, seconds, least):
    """Times in milliseconds, each the mean of a few consecutive calls."""
    once = clock(run, 1)
    calls = max(least, int(min(seconds / once, 1e7)))
    inner = calls // TIMES_MOST + 1
    return [1e3 * clock(run, inner) for _ in range(-(-calls // inner))]


def main():
    run = None
    for line in sys.stdin:
        words = line.split()
        try:
            if torch is None:
                answer = "declines " + missing
            elif words[0] == "peer":
                answer = "peer PyTorch " + torch.__version__
            elif words[0] == "convolution":
                layout, run = prepare(words[1:])
                answer = "ready " + layout
            elif words[0] == "network":
                layout, run = prepare_network(line)
                answer = "ready " + layout
            else:
                answer = "times " + " ".join(f"{t:.6f}" for t in measure(run, float(words[1]), int(words[2])))
        except Exception as error:  # whatever PyTorch raises is its reason
            answer = "declines " + " ".join(str(error).split())[:120]
        print(answer, flush=True)


if __name__ == "__main__":
    if torch is None:
        main()
    else:
        with torch.no_grad():
            main()
