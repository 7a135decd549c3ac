/* Networks with a name. Their texts are ordinary texts: tw_net_create reads them. */
#include <twill/net.h>

/* One basic block of a residual network (He et al. 2016, arXiv:1512.03385): two 3x3 convolutions, each with
 * batch norm, and the shortcut. Text constants side by side make one string. */
static const char resnet20[] =
    "conv 16 3x3 pad 1 nobias; batchnorm; a1 = relu\n"
    "conv 16 3x3 pad 1 nobias; batchnorm; relu; conv 16 3x3 pad 1 nobias; batchnorm; add a1; a2 = relu\n"
    "conv 16 3x3 pad 1 nobias; batchnorm; relu; conv 16 3x3 pad 1 nobias; batchnorm; add a2; a3 = relu\n"
    "conv 16 3x3 pad 1 nobias; batchnorm; relu; conv 16 3x3 pad 1 nobias; batchnorm; add a3; a4 = relu\n"
    "conv 32 3x3 stride 2 pad 1 nobias; batchnorm; relu; conv 32 3x3 pad 1 nobias; b1 = batchnorm\n"
    "conv 32 1x1 stride 2 nobias from a4; batchnorm; add b1; b2 = relu\n"
    "conv 32 3x3 pad 1 nobias; batchnorm; relu; conv 32 3x3 pad 1 nobias; batchnorm; add b2; b3 = relu\n"
    "conv 32 3x3 pad 1 nobias; batchnorm; relu; conv 32 3x3 pad 1 nobias; batchnorm; add b3; b4 = relu\n"
    "conv 64 3x3 stride 2 pad 1 nobias; batchnorm; relu; conv 64 3x3 pad 1 nobias; c1 = batchnorm\n"
    "conv 64 1x1 stride 2 nobias from b4; batchnorm; add c1; c2 = relu\n"
    "conv 64 3x3 pad 1 nobias; batchnorm; relu; conv 64 3x3 pad 1 nobias; batchnorm; add c2; c3 = relu\n"
    "conv 64 3x3 pad 1 nobias; batchnorm; relu; conv 64 3x3 pad 1 nobias; batchnorm; add c3; relu\n"
    "globalavgpool; dense 10";

static const tw_net_name names[] = {
    {.name = "lenet5",
     .text =
         "conv 6 5x5 pad 2; relu; maxpool 2; conv 16 5x5; relu; maxpool 2; dense 120; relu; dense 84; relu; "
         "dense 10",
     .summary = "LeNet-5 (LeCun et al. 1998) in its modern form, for 28x28 gray images",
     .input = {.spatial = 2, .channels = 1, .size = {28, 28}}},
    {.name = "zhang2016",
     .text =
         "conv 6 5x5; sigmoid; avgpool 2; conv 12 5x5; sigmoid; avgpool 2; dense 10; sigmoid; loss squared; "
         "init zhang2016",
     .summary = "the CNN of the classic derivation (Zhang 2016): sigmoids, average pools, squared error",
     .input = {.spatial = 2, .channels = 1, .size = {28, 28}}},
    {.name = "mlp",
     .text = "dense 100; relu; dense 10",
     .summary = "a multi-layer perceptron with 100 hidden units",
     .input = {.spatial = 2, .channels = 1, .size = {28, 28}}},
    {.name = "resnet20",
     .text = resnet20,
     .summary = "the 20-layer residual network for CIFAR (He et al. 2016), projections as shortcuts",
     .input = {.spatial = 2, .channels = 3, .size = {32, 32}}},
    {.name = "vgg-small",
     .text = "conv 64 3x3 pad 1; relu; conv 64 3x3 pad 1; relu; maxpool 2; conv 128 3x3 pad 1; relu; "
             "conv 128 3x3 pad 1; relu; maxpool 2; conv 256 3x3 pad 1; relu; conv 256 3x3 pad 1; relu; "
             "maxpool 2; "
             "dense 256; relu; dropout 0.5; dense 10",
     .summary = "a small VGG (Simonyan and Zisserman 2015) for 32x32 colour images",
     .input = {.spatial = 2, .channels = 3, .size = {32, 32}}},
};

const tw_net_name *tw_net_names(size_t *count) {
    if (count) *count = sizeof names / sizeof *names;
    return names;
}
