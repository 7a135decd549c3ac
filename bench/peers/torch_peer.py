"""PyTorch as a peer of `twill bench conv`: one line a request on standard input, one line an answer on standard
output; the words are those of src/cli/bench_peer.h. The better of its two layouts is timed."""
import sys
import time

try:
    import torch
except ImportError as error:
    torch, missing = None, str(error)

TIMES_MOST = 64
MASKS = {"backward-data": [True, False, False], "backward-weights": [False, True, True]}


def prepare(words):
    """The convolution of a request, as a function to call, in the quicker of two layouts."""
    name = words[0]
    threads, n, c, h, w, k, r, s, sh, sw, ph, pw, dh, dw, groups = map(int, words[1:])
    torch.set_num_threads(threads)
    candidates = []
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(1)
        x = torch.rand(n, c, h, w).contiguous(memory_format=layout)
        weight = torch.rand(k, c // groups, r, s).contiguous(memory_format=layout)
        bias = torch.rand(k)

        def forward(x=x, weight=weight, bias=bias):
            return torch.conv2d(x, weight, bias, (sh, sw), (ph, pw), (dh, dw), groups)

        run = forward
        if name != "forward":
            gradient = torch.rand_like(forward())

            def run(x=x, weight=weight, gradient=gradient):
                return torch.ops.aten.convolution_backward(
                    gradient, x, weight, [k], [sh, sw], [ph, pw], [dh, dw], False, [0, 0], groups, MASKS[name])

        run()
        candidates.append((min(clock(run, 1) for _ in range(3)), len(candidates), run))
    return min(candidates)[2]


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
            elif words[0] == "convolution":
                run = prepare(words[1:])
                answer = "ready"
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
