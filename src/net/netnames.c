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

/* Bottlenecks: 1x1, 3x3, 1x1. The stride stands at the 3x3 convolution, where torchvision has
 * it. */
static const char resnet50[] =
    "conv 64 7x7 stride 2 pad 3 nobias; batchnorm; relu; a0 = maxpool 3 stride 2 pad 1\n"
    "conv 64 1x1 nobias; batchnorm; relu; conv 64 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 256 1x1 nobias; b = batchnorm\n"
    "conv 256 1x1 nobias from a0; batchnorm; add b; b1 = relu\n"
    "conv 64 1x1 nobias; batchnorm; relu; conv 64 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 256 1x1 nobias; batchnorm; add b1; b2 = relu\n"
    "conv 64 1x1 nobias; batchnorm; relu; conv 64 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 256 1x1 nobias; batchnorm; add b2; b3 = relu\n"
    "conv 128 1x1 nobias; batchnorm; relu; conv 128 3x3 stride 2 pad 1 nobias; batchnorm; relu; "
    "conv 512 1x1 nobias; c = batchnorm\n"
    "conv 512 1x1 stride 2 nobias from b3; batchnorm; add c; c1 = relu\n"
    "conv 128 1x1 nobias; batchnorm; relu; conv 128 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 512 1x1 nobias; batchnorm; add c1; c2 = relu\n"
    "conv 128 1x1 nobias; batchnorm; relu; conv 128 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 512 1x1 nobias; batchnorm; add c2; c3 = relu\n"
    "conv 128 1x1 nobias; batchnorm; relu; conv 128 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 512 1x1 nobias; batchnorm; add c3; c4 = relu\n"
    "conv 256 1x1 nobias; batchnorm; relu; conv 256 3x3 stride 2 pad 1 nobias; batchnorm; relu; "
    "conv 1024 1x1 nobias; d = batchnorm\n"
    "conv 1024 1x1 stride 2 nobias from c4; batchnorm; add d; d1 = relu\n"
    "conv 256 1x1 nobias; batchnorm; relu; conv 256 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 1024 1x1 nobias; batchnorm; add d1; d2 = relu\n"
    "conv 256 1x1 nobias; batchnorm; relu; conv 256 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 1024 1x1 nobias; batchnorm; add d2; d3 = relu\n"
    "conv 256 1x1 nobias; batchnorm; relu; conv 256 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 1024 1x1 nobias; batchnorm; add d3; d4 = relu\n"
    "conv 256 1x1 nobias; batchnorm; relu; conv 256 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 1024 1x1 nobias; batchnorm; add d4; d5 = relu\n"
    "conv 256 1x1 nobias; batchnorm; relu; conv 256 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 1024 1x1 nobias; batchnorm; add d5; d6 = relu\n"
    "conv 512 1x1 nobias; batchnorm; relu; conv 512 3x3 stride 2 pad 1 nobias; batchnorm; relu; "
    "conv 2048 1x1 nobias; e = batchnorm\n"
    "conv 2048 1x1 stride 2 nobias from d6; batchnorm; add e; e1 = relu\n"
    "conv 512 1x1 nobias; batchnorm; relu; conv 512 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 2048 1x1 nobias; batchnorm; add e1; e2 = relu\n"
    "conv 512 1x1 nobias; batchnorm; relu; conv 512 3x3 pad 1 nobias; batchnorm; relu; "
    "conv 2048 1x1 nobias; batchnorm; add e2; relu\n"
    "globalavgpool; dense 1000";

/* Inverted residuals: widened by a 1x1 convolution, filtered channel by channel, narrowed without a rectifier
 * (Sandler et al. 2018, arXiv:1801.04381). */
static const char mobilenetv2[] =
    "conv 32 3x3 stride 2 pad 1 nobias; batchnorm; relu6\n"
    "conv 32 3x3 pad 1 groups 32 nobias; batchnorm; relu6; "
    "conv 16 1x1 nobias; batchnorm\n"
    "conv 96 1x1 nobias; batchnorm; relu6; conv 96 3x3 stride 2 pad 1 groups 96 nobias; batchnorm; relu6; "
    "conv 24 1x1 nobias; b2 = batchnorm\n"
    "conv 144 1x1 nobias; batchnorm; relu6; conv 144 3x3 pad 1 groups 144 nobias; batchnorm; relu6; "
    "conv 24 1x1 nobias; batchnorm; add b2\n"
    "conv 144 1x1 nobias; batchnorm; relu6; conv 144 3x3 stride 2 pad 1 groups 144 nobias; batchnorm; relu6; "
    "conv 32 1x1 nobias; b4 = batchnorm\n"
    "conv 192 1x1 nobias; batchnorm; relu6; conv 192 3x3 pad 1 groups 192 nobias; batchnorm; relu6; "
    "conv 32 1x1 nobias; batchnorm; b5 = add b4\n"
    "conv 192 1x1 nobias; batchnorm; relu6; conv 192 3x3 pad 1 groups 192 nobias; batchnorm; relu6; "
    "conv 32 1x1 nobias; batchnorm; add b5\n"
    "conv 192 1x1 nobias; batchnorm; relu6; conv 192 3x3 stride 2 pad 1 groups 192 nobias; batchnorm; relu6; "
    "conv 64 1x1 nobias; b7 = batchnorm\n"
    "conv 384 1x1 nobias; batchnorm; relu6; conv 384 3x3 pad 1 groups 384 nobias; batchnorm; relu6; "
    "conv 64 1x1 nobias; batchnorm; b8 = add b7\n"
    "conv 384 1x1 nobias; batchnorm; relu6; conv 384 3x3 pad 1 groups 384 nobias; batchnorm; relu6; "
    "conv 64 1x1 nobias; batchnorm; b9 = add b8\n"
    "conv 384 1x1 nobias; batchnorm; relu6; conv 384 3x3 pad 1 groups 384 nobias; batchnorm; relu6; "
    "conv 64 1x1 nobias; batchnorm; add b9\n"
    "conv 384 1x1 nobias; batchnorm; relu6; conv 384 3x3 pad 1 groups 384 nobias; batchnorm; relu6; "
    "conv 96 1x1 nobias; b11 = batchnorm\n"
    "conv 576 1x1 nobias; batchnorm; relu6; conv 576 3x3 pad 1 groups 576 nobias; batchnorm; relu6; "
    "conv 96 1x1 nobias; batchnorm; b12 = add b11\n"
    "conv 576 1x1 nobias; batchnorm; relu6; conv 576 3x3 pad 1 groups 576 nobias; batchnorm; relu6; "
    "conv 96 1x1 nobias; batchnorm; add b12\n"
    "conv 576 1x1 nobias; batchnorm; relu6; conv 576 3x3 stride 2 pad 1 groups 576 nobias; batchnorm; relu6; "
    "conv 160 1x1 nobias; b14 = batchnorm\n"
    "conv 960 1x1 nobias; batchnorm; relu6; conv 960 3x3 pad 1 groups 960 nobias; batchnorm; relu6; "
    "conv 160 1x1 nobias; batchnorm; b15 = add b14\n"
    "conv 960 1x1 nobias; batchnorm; relu6; conv 960 3x3 pad 1 groups 960 nobias; batchnorm; relu6; "
    "conv 160 1x1 nobias; batchnorm; add b15\n"
    "conv 960 1x1 nobias; batchnorm; relu6; conv 960 3x3 pad 1 groups 960 nobias; batchnorm; relu6; "
    "conv 320 1x1 nobias; batchnorm\n"
    "conv 1280 1x1 nobias; batchnorm; relu6; globalavgpool; dropout 0.2; dense 1000";

/* Configuration A of Simonyan and Zisserman 2015 (arXiv:1409.1556), with dropout between the dense layers. */
static const char vgg11[] = "conv 64 3x3 pad 1; relu; maxpool 2; conv 128 3x3 pad 1; relu; maxpool 2\n"
                            "conv 256 3x3 pad 1; relu; conv 256 3x3 pad 1; relu; maxpool 2\n"
                            "conv 512 3x3 pad 1; relu; conv 512 3x3 pad 1; relu; maxpool 2\n"
                            "conv 512 3x3 pad 1; relu; conv 512 3x3 pad 1; relu; maxpool 2\n"
                            "dense 4096; relu; dropout 0.5; dense 4096; relu; dropout 0.5; dense 1000";

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
    {.name = "resnet50",
     .text = resnet50,
     .summary = "the 50-layer residual network for 224x224 images in 1000 classes (He et al. 2016)",
     .input = {.spatial = 2, .channels = 3, .size = {224, 224}}},
    {.name = "mobilenetv2",
     .text = mobilenetv2,
     .summary = "MobileNetV2 for 224x224 images in 1000 classes (Sandler et al. 2018)",
     .input = {.spatial = 2, .channels = 3, .size = {224, 224}}},
    {.name = "vgg11",
     .text = vgg11,
     .summary = "VGG with 11 layers for 224x224 images in 1000 classes (Simonyan and Zisserman 2015)",
     .input = {.spatial = 2, .channels = 3, .size = {224, 224}}},
};

const tw_net_name *tw_net_names(size_t *count) {
    if (count) *count = sizeof names / sizeof *names;
    return names;
}
