/* The message table. A new sentence is a name in words.h and a row here, in both languages at once; the tests
 * hold that no row is empty and that both languages use the same places. */
#include "explain/words.h"

#include <string.h>

static const char *const words[TW_WORDS][TW_LANGUAGES] = {
    [TW_SAY_TITLE] = {"A convolution, step by step", "一步一步看卷積"},
    [TW_SAY_TITLE_NETWORK] = {"A network, layer by layer", "一層一層看網路"},
    [TW_SAY_SIZES] = {"The image `x` is {0}, the kernel `w` is {1}, the output `h` is {2}.",
                      "影像 `x` 為 {0}，卷積核 `w` 為 {1}，輸出 `h` 為 {2}。"},
    [TW_SAY_SETTINGS] =
        {"Stride {0}, padding {1} at the beginning and {2} at the end, dilation {3}, groups {4}.",
         "步幅 {0}，填充前 {1}、後 {2}，膨脹 {3}，分組 {4}。"},
    [TW_SAY_TRANSPOSED] = {"The convolution is transposed: its matrix is the transpose of an ordinary one's.",
                           "這是轉置卷積：它的矩陣是一般卷積矩陣的轉置。"},
    [TW_SAY_GIVEN] = {"Numbers stand below their symbols.", "數值寫在對應的符號下方。"},
    [TW_SAY_SYMBOLS_ONLY] = {"No numbers were given, so everything is shown in symbols.",
                             "沒有給定數值，因此全部以符號表示。"},
    [TW_SAY_AGREE] =
        {"Every number here was computed by the convolution itself and compared with its matrix: they agree.",
         "這裡的每個數值都由卷積本身算出，並與它的矩陣比對：兩"
         "者一致。"},
    [TW_SAY_AND_MORE] = {"and so on: {0} in all", "依此類推，共 {0} 式"},
    [TW_SAY_TERMS] = {"{0} terms", "共 {0} 項"},
    [TW_SAY_PLANES] = {"Of {0} the first {1} of {2} planes are shown.",
                       "{0} 只列出 {2} 個平面中的前 {1} 個。"},

    [TW_SAY_FORWARD] = {"Forward: every output is a sum", "前向：每個輸出都是一個和"},
    [TW_SAY_FORWARD_TEXT] =
        {"The kernel slides over the image. At each place the numbers that lie on top of each other are "
         "multiplied and the products added up; each place gives one output.",
         "卷積核在影像上滑動。在每個位置，把上下重疊的數相乘再"
         "相加；每個位置得到一個輸出。"},
    [TW_SAY_FORWARD_TRANSPOSED] =
        {"Each pixel lays a copy of the kernel, multiplied by the pixel, onto the output; where copies "
         "overlap they are added up. So each output is again a sum of products.",
         "每個像素把卷積核乘上自己的值，疊放到輸出上；重疊之處"
         "相加。因此每個輸出仍是乘積之和。"},
    [TW_SAY_FLIPPED] = {"This is the convolution of the mathematicians: the kernel is turned by 180 degrees "
                        "before it slides.",
                        "這是數學上定義的卷積：卷積核先旋轉 180 度再滑動。"},
    [TW_SAY_GROUPS] =
        {"The {0} input and {1} output channels form {2} groups that do not see each other: each output sums "
         "over the {3} input channels of its own group.",
         "{0} 個輸入通道與 {1} 個輸出通道分成互不相干的 {2} 組：每"
         "個輸出只對自己那組的 {3} 個輸入通道求和。"},
    [TW_SAY_CHANNELS] = {"Each output sums over all input channels, here {0}; each output channel, here {1}, "
                         "has its own kernel for each of them.",
                         "每個輸出對全部 {0} 個輸入通道求和；{1} 個輸出通"
                         "道對每個"
                         "輸入通道各有自己的卷積核。"},
    [TW_SAY_KERNELS] = {"Each of the {1} output channels has a kernel of its own.",
                        "{1} 個輸出通道各有自己的卷積核。"},
    [TW_SAY_SIZE] = {"The size of the output, for each dimension:", "每個維度的輸出大小："},
    [TW_SAY_DIMENSION] = {"dimension", "維度"},
    [TW_SAY_INPUT] = {"input i", "輸入 i"},
    [TW_SAY_PAD_BEGIN] = {"begin p", "前填充 p"},
    [TW_SAY_PAD_END] = {"end q", "後填充 q"},
    [TW_SAY_KERNEL] = {"kernel k", "核 k"},
    [TW_SAY_DILATION] = {"dilation d", "膨脹 d"},
    [TW_SAY_STRIDE] = {"stride s", "步幅 s"},
    [TW_SAY_OUTPUT] = {"output o", "輸出 o"},
    [TW_SAY_OUTPUT_PADDING] = {"extra e", "輸出填充 e"},
    [TW_SAY_DEPTH] = {"depth", "深"},
    [TW_SAY_HEIGHT] = {"height", "高"},
    [TW_SAY_WIDTH] = {"width", "寬"},
    [TW_SAY_LEFTOVER] =
        {"{0}: the stride does not come out even; the last {1} of the padded image are never read.",
         "{0}：步幅除不盡，填充後影像的最後 {1} 排不會被讀到。"},
    [TW_SAY_PAD_ZEROS] =
        {"Padding: the image stands in a border of zeros. Their products are zero, so the sums "
         "below leave them out.",
         "填充：影像四周補零。補零處的乘積為零，所以下面的和省"
         "略它們。"},
    [TW_SAY_PAD_REFLECT] = {"Padding: the border mirrors the image; its edge itself is not repeated.",
                            "填充：邊框是影像的鏡射，邊緣本身不重複。"},
    [TW_SAY_PAD_REPLICATE] = {"Padding: outside, the border of the image is repeated.",
                              "填充：邊框重複影像的邊緣。"},
    [TW_SAY_PAD_CIRCULAR] = {"Padding: the image repeats around itself, as on a ring.",
                             "填充：影像首尾相接，如同環狀。"},
    [TW_SAY_PLANE] = {"{0}", "{0}"},
    [TW_SAY_PLANE_BORDERED] = {"{0} with its border", "{0} 連同邊框"},
    [TW_SAY_PLANE_SPREAD] = {"{0} with zeros between", "插入零的 {0}"},
    [TW_SAY_PLANE_FRAMED] = {"{0} with zeros", "補零的 {0}"},
    [TW_SAY_PLANE_TURNED] = {"{0} turned", "旋轉後的 {0}"},

    [TW_SAY_CHAIN] = {"The gradient of the weights: the chain rule", "權重的梯度：連鎖律"},
    [TW_SAY_CHAIN_TEXT] =
        {"The loss `L` depends on a weight through every output that the weight helps to make. So the chain "
         "rule sums over the outputs:",
         "損失 `L` 透過每一個用到該權重的輸出而依賴於這個權重。"
         "因此連鎖律對所有輸出求和："},
    [TW_SAY_CHAIN_PIXEL] =
        {"and `dh/dw` is the pixel that the weight was multiplied with. For each of the {0} weights:",
         "而 `dh/dw` 就是與該權重相乘的像素。對 {0} 個權重逐一寫出"
         "："},
    [TW_SAY_CHAIN_CONV] =
        {"Seen together these sums are a convolution again: of the image with `dL/dh` as its kernel.",
         "把這些和放在一起看，又是一個卷積：以 `dL/dh` 作為卷積核"
         "，對影像作卷積。"},
    [TW_SAY_CHAIN_CONV_TRANSPOSED] =
        {"Seen together these sums are a convolution again: of `dL/dh` with the image as its kernel.",
         "把這些和放在一起看，又是一個卷積：以影像作為卷積核，"
         "對 `dL/dh` 作卷積。"},
    [TW_SAY_CHAIN_STRIDE] = {"The stride {0} of the forward pass becomes a dilation here: zeros stand "
                             "between the elements of that kernel.",
                             "前向的步幅 {0} 在此變成膨脹：該卷積核的元素"
                             "之間插入零"
                             "。"},
    [TW_SAY_CHAIN_DILATION] = {"The dilation {1} of the forward pass becomes a stride here.",
                               "前向的膨脹 {1} 在此變成步幅。"},
    [TW_SAY_CHAIN_FLIPPED] = {"The kernel is turned before it slides, so its gradient comes out turned too.",
                              "卷積核在滑動前先旋轉過，所以得到的梯度也"
                              "是旋轉過的。"},
    [TW_SAY_CHAIN_CHANNELS] =
        {"There is one such convolution for each of the {0} kernels, each of its own channels; the first:",
         "{0} 個卷積核各有一個這樣的卷積，各用自己的通道；第一個是："},
    [TW_SAY_DH] = {"`dL/dh`", "`dL/dh`"},

    [TW_SAY_INPUT_GRADIENT] = {"The gradient of the image", "影像的梯度"},
    [TW_SAY_INPUT_TEXT] =
        {"A pixel reaches the loss through every output whose patch it lies in; `dh/dx` is the weight that "
         "it was "
         "multiplied with there. This is what the layer before needs.",
         "像素透過每一個涵蓋它的輸出影響損失；`dh/dx` 就是它在該"
         "處所乘的權重。這正是前一層所需要的。"},
    [TW_SAY_INPUT_CONV] =
        {"This is a full convolution: `dL/dh` in a border of zeros, under the kernel turned by 180 degrees.",
         "這是完整卷積（full convolution）：`dL/dh` 四周補零，再與旋轉"
         " 180 度的卷積核作卷積。"},
    [TW_SAY_INPUT_CONV_FLIPPED] = {"This is a full convolution: `dL/dh` in a border of zeros, under the "
                                   "kernel as it is written, since the "
                                   "forward pass has turned it already.",
                                   "這是完整卷積（full convolution）：`dL/dh` 四周"
                                   "補零，與原樣的"
                                   "卷積核作卷積，因為前向時已經旋轉過了。"},
    [TW_SAY_INPUT_CONV_TRANSPOSED] =
        {"The convolution is transposed, so its backward pass is the ordinary convolution: the kernel slides "
         "over `dL/dh` with the stride.",
         "因為是轉置卷積，它的反向就是一般卷積：卷積核依步幅在"
         " `dL/dh` 上滑動。"},
    [TW_SAY_INPUT_STRIDE] = {"With stride {0} zeros stand between the elements of `dL/dh` too.",
                             "步幅為 {0}，`dL/dh` 的元素之間也要插入零。"},
    [TW_SAY_INPUT_PAD_MODE] =
        {"The border repeats pixels, so what arrives at the border is added to the pixel that it repeats.",
         "邊框重複了像素，所以傳到邊框的梯度要加回它所重複的那"
         "個像素。"},
    [TW_SAY_INPUT_CHANNELS] = {"Each input channel adds up such convolutions over the {0} output channels "
                               "that read it; the first of them:",
                               "每個輸入通道把讀取它的 {0} 個輸出通道的這"
                               "種卷積加起來；其中第一個是："},
    [TW_SAY_INPUT_MATRIX] = {"With the matrix `W` of the forward pass it is one product:",
                             "用前向的矩陣 `W` 來寫，只是一個乘積："},
    [TW_SAY_BIAS] = {"The bias is added to every output of its channel, so its gradient is their sum:",
                     "偏置加到該通道的每個輸出上，所以它的梯度是這些梯度的"
                     "和："},

    [TW_SAY_MATRIX] = {"The same as a matrix", "寫成矩陣"},
    [TW_SAY_MATRIX_TEXT] =
        {"Write the pixels one below the other, row after row. Then every output is a row of a matrix `W` "
         "times "
         "that column:",
         "把像素一列接一列排成一個直行向量。這樣每個輸出就是矩"
         "陣 `W` 的一列乘上這個向量："},
    [TW_SAY_MATRIX_MEETS] =
        {"The border repeats pixels, so several weights meet at some places: their sum stands there, and the "
         "first "
         "of them is named.",
         "邊框重複了像素，因此有些位置有數個權重相遇：該處是它"
         "們的和，這裡只標出第一個。"},
    [TW_SAY_MATRIX_PRODUCT] = {"Written out as a product of the matrix with the column of pixels:",
                               "寫成矩陣與像素行向量的乘積："},
    [TW_SAY_W_SYMBOLS] = {"`W`", "`W`"},
    [TW_SAY_W_TRANSPOSED] = {"`W^T`", "`W^T`"},
    [TW_SAY_W_PATTERN] = {"`W`, as a pattern", "`W` 的分布"},
    [TW_SAY_PATTERN_TEXT] = {"The darker a place, the more of its entries carry a weight.",
                             "顏色越深，該處帶有權重的元素越多。"},
    [TW_SAY_ROWS] = {"rows", "列"},
    [TW_SAY_COLUMNS] = {"columns", "行"},
    [TW_SAY_NONZEROS] = {"nonzeros", "非零元素"},
    [TW_SAY_PARAMETERS] = {"parameters", "參數"},
    [TW_SAY_FULL_CONNECTION] = {"full connection", "全連接"},
    [TW_SAY_MATRIX_COUNTS] = {"Local connection: only {2} of the {4} places hold a weight. Weight sharing: "
                              "those {2} places hold only "
                              "{3} different parameters, where a full connection has {4}.",
                              "區域連接：{4} 個位置中只有 {2} 個帶有權重。"
                              "權重共享：這"
                              " {2} 個位置只有 {3} 個不同的參數，全連接則有 {4"
                              "} 個。"},
    [TW_SAY_MATRIX_COUNTS_FULL] =
        {"All {4} places hold a weight, but weights are shared: there are only {3} different parameters, "
         "where a full "
         "connection has {4}.",
         "全部 {4} 個位置都帶有權重，但權重是共享的：只有 {3} 個"
         "不同的參數，全連接則有 {4} 個。"},
    [TW_SAY_TOEPLITZ_1] = {"Its structure is Toeplitz: the same weight all along each diagonal.",
                           "它的結構是 Toeplitz 矩陣：每條對角線上都是同一"
                           "個權重。"},
    [TW_SAY_TOEPLITZ_2] =
        {"Its structure is block Toeplitz: blocks, one for each row of the kernel, repeat along the "
         "diagonals, and "
         "within a block weights do the same.",
         "它的結構是區塊 Toeplitz 矩陣：卷積核的每一列成為一個區"
         "塊，沿對角線重複；區塊內的權重也是如此。"},
    [TW_SAY_TOEPLITZ_3] =
        {"Its structure is block Toeplitz three levels deep: for depth, height and width, the same blocks "
         "repeat along the diagonals.",
         "它的結構是三層的區塊 Toeplitz 矩陣：深、高、寬三個方向"
         "上，相同的區塊沿對角線重複。"},
    [TW_SAY_TOEPLITZ_STRIDE] =
        {"Its structure is that of a block Toeplitz matrix of which only some rows are kept: with stride {0} "
         "the next "
         "row is the same one, moved by the stride.",
         "它的結構是只保留部分列的區塊 Toeplitz 矩陣：步幅為 {0} 時"
         "，下一列就是同一列平移一個步幅。"},
    [TW_SAY_TOEPLITZ_UPSTRIDE] =
        {"Its structure is that of a block Toeplitz matrix of which only some columns are kept: with stride "
         "{0} the "
         "next column is the same one, moved by the stride.",
         "它的結構是只保留部分行的區塊 Toeplitz 矩陣：步幅為 {0} 時"
         "，下一行就是同一行平移一個步幅。"},
    [TW_SAY_TOEPLITZ_BORDER] = {"Its structure is block Toeplitz but for the rows at the border, where the "
                                "padding folds the weights back.",
                                "除了邊界的列（填充把權重摺回）之外，它的"
                                "結構是區塊 "
                                "Toeplitz 矩陣。"},
    [TW_SAY_CIRCULANT] = {"The border goes around, so it is block circulant: the diagonals go around too.",
                          "邊框首尾相接，因此它是區塊循環矩陣：對角線也首尾"
                          "相接。"},
    [TW_SAY_BLOCK_DIAGONAL] =
        {"The {3} groups make it block diagonal: {3} such matrices, and zeros elsewhere.",
         "{3} 個分組使它成為區塊對角矩陣：{3} 個這樣的矩陣，其餘"
         "皆為零。"},
    [TW_SAY_BLOCK_CHANNELS] = {"There is such a block for every pair of an output channel, here {1}, and an "
                               "input channel, here {2}.",
                               "{1} 個輸出通道與 {2} 個輸入通道的每一對都有"
                               "這樣一個區塊"
                               "。"},
    [TW_SAY_MATRIX_TRANSPOSED] = {"Backward to the image the same matrix works, transposed:",
                                  "反向傳到影像時，用的是同一個矩陣的轉置："},
    [TW_SAY_MATRIX_GRADIENT] =
        {"The gradient of a parameter is the sum over all places of `W` where it stands:",
         "參數的梯度，是對 `W` 中該參數出現的所有位置求和："},
    [TW_SAY_WEIGHT] = {"weight", "權重"},
    [TW_SAY_COUNT] = {"places", "個數"},
    [TW_SAY_PLACES] = {"(output,pixel)", "（輸出，像素）"},

    [TW_SAY_CONNECTIONS] = {"The connections: full against local", "連接方式：全連接與區域連接"},
    [TW_SAY_CONNECTIONS_TEXT] = {"A full connection of {0} pixels with {1} outputs has {2} edges, each with "
                                 "a parameter of its own. The "
                                 "convolution keeps {3} of them, and they share {4} parameters.",
                                 "{0} 個像素與 {1} 個輸出的全連接有 {2} 條邊，"
                                 "每條邊各有自"
                                 "己的參數。卷積只保留其中 {3} 條，並共享 {4}"
                                 " 個參數。"},
    [TW_SAY_EDGES] = {"edges", "邊數"},
    [TW_SAY_PATHS] = {"pixel→output", "像素→輸出"},
    [TW_SAY_CONNECTIONS_MLP] = {"This is where the backward pass differs from that of a multilayer "
                                "perceptron. There every weight has one "
                                "edge, so its gradient is one product:",
                                "反向傳播與多層感知器的差別就在這裡。在多"
                                "層感知器中，"
                                "每個權重只有一條邊，所以它的梯度只是一個"
                                "乘積："},
    [TW_SAY_CONNECTIONS_SHARED] = {"Here `w` has as many edges as it has places. The loss changes along all "
                                   "of them at once, so their products "
                                   "add up; {0} has {1}:",
                                   "而在這裡，一個權重 `w` 有許多條邊。損失"
                                   "同時沿著所有這"
                                   "些邊改變，因此各個乘積要相加；{0} 有 {1} "
                                   "條邊："},
    [TW_SAY_FIGURE_FULL] = {"Full connection", "全連接"},
    [TW_SAY_FIGURE_LOCAL] = {"Local connection, shared weights", "區域連接、權重共享"},
    [TW_SAY_FIGURE_PARAMETERS] = {"{0} parameters", "{0} 個參數"},
    [TW_SAY_FIGURE_CONNECTIONS] =
        {"Full connection, and the convolution: edges of one colour are one weight.",
         "全連接與卷積：同色的邊是同一個權重。"},
    [TW_SAY_FIGURE_HIGHLIGHT] = {"Full connection, and the convolution with the edges of {0}.",
                                 "全連接與卷積，並標出 {0} 的邊。"},
    [TW_SAY_FIGURE_FORWARD] = {"The image, the kernel and the output. The outlined patch, in the colours of "
                               "the weights that its pixels are "
                               "multiplied with, makes the outlined output.",
                               "影像、卷積核與輸出。框起的區塊以所乘權重"
                               "的顏色標示，"
                               "它產生框起的輸出。"},
    [TW_SAY_FIGURE_MATRIX] =
        {"The matrix `W`: a colour is a weight; every diagonal of one colour is that weight again.",
         "矩陣 `W`：一種顏色是一個權重；同色的對角線都是同一個"
         "權重。"},
    [TW_SAY_FIGURE_PATTERN] =
        {"The pattern of the matrix `W`: the stronger the colour, the more places hold a weight.",
         "矩陣 `W` 的分布：顏色越深，帶有權重的位置越多。"},

    [TW_SAY_POOL] = {"Pooling", "池化"},
    [TW_SAY_POOL_TEXT] =
        {"A window of {0} moves with stride {1}, over each channel by itself. A pool has no parameters.",
         "大小為 {0} 的視窗以步幅 {1} 移動，各通道分開處理。池化"
         "沒有參數。"},
    [TW_SAY_POOL_TEXT_PADDED] = {"A window of {0} moves with stride {1} over each channel by itself, with "
                                 "padding {2} at the beginning "
                                 "and {3} at the end. A pool has no parameters.",
                                 "大小為 {0} 的視窗以步幅 {1} 移動，前填充 {2}、後填充 {3}，各"
                                 "通道分開處理。池化沒有參數。"},
    [TW_SAY_POOL_LARGE] = {"The image is too large to be pooled here: name a smaller one.",
                           "影像太大，無法在此示範池化：請改用較小的影像。"},
    [TW_SAY_POOL_AVERAGE] = {"Average pool", "平均池化"},
    [TW_SAY_POOL_AVERAGE_TEXT] =
        {"Each output is the mean of its window: a convolution whose {0} weights are all one over {0}.",
         "每個輸出是視窗內的平均：相當於 {0} 個權重都等於 {0} 分"
         "之一的卷積。"},
    [TW_SAY_POOL_AVERAGE_PADDED] =
        {"At the border a window holds fewer pixels: only those that are there are counted.",
         "在邊界，視窗裡的像素較少：只計入實際存在的像素。"},
    [TW_SAY_POOL_AVERAGE_MATRIX] = {"The matrix of the average pool", "平均池化的矩陣"},
    [TW_SAY_POOL_AVERAGE_BACK] =
        {"Backward, every pixel of a window gets an equal share of that window's gradient:",
         "反向時，視窗內的每個像素平分該視窗的梯度："},
    [TW_SAY_POOL_MAX] = {"Max pool", "最大池化"},
    [TW_SAY_POOL_MAX_TEXT] = {"Each output is the largest pixel of its window. For a given image that is a "
                              "matrix `S` too: it selects, with "
                              "a single 1 in each row.",
                              "每個輸出是視窗內最大的像素。對給定的影像"
                              "而言，這也是"
                              "一個矩陣 `S`：它負責挑選，每列只有一個 1。"},
    [TW_SAY_POOL_EXAMPLE] = {"Since no image was given, one is taken as an example.",
                             "沒有給定影像，因此取一個例子。"},
    [TW_SAY_POOL_SELECTION] = {"The selection matrix `S`", "選擇矩陣 `S`"},
    [TW_SAY_POOL_OUTPUT] = {"output", "輸出"},
    [TW_SAY_POOL_LARGEST] = {"largest", "最大值"},
    [TW_SAY_POOL_FROM] = {"taken from", "取自"},
    [TW_SAY_POOL_GRADIENT] = {"gradient goes to", "梯度流向"},
    [TW_SAY_POOL_MAX_BACK] = {"Backward, the gradient of an output goes to the pixel that was taken, and to "
                              "no other. Which one that is "
                              "depends on the image:",
                              "反向時，輸出的梯度只流向被選中的像素，其"
                              "他像素得不到"
                              "。選中哪一個取決於影像："},

    [TW_SAY_ONE] = {"The 1x1 convolution: a matrix product over channels", "1x1 卷積：通道之間的矩陣乘積"},
    [TW_SAY_ONE_TEXT] = {"With a kernel of one pixel nothing is summed over neighbours: at every pixel the "
                         "same matrix of {0} by {1} "
                         "weights turns {1} input channels into {0} output channels, {2} "
                         "parameters in all.",
                         "卷積核只有一個像素時，不再對鄰近像素求和：每"
                         "個像素都"
                         "用同一個 {0} 乘 {1} 的權重矩陣，把 {1} 個輸入通道變成 {0} "
                         "個輸出通道，共 {2} 個參數。"},
    [TW_SAY_ONE_X] = {"`X`: channels by pixels", "`X`：通道 × 像素"},
    [TW_SAY_ONE_H] = {"`H`: channels by pixels", "`H`：通道 × 像素"},
    [TW_SAY_ONE_BACK] =
        {"Backward it is two more products, and the gradient of a weight sums over all pixels:",
         "反向是另外兩個矩陣乘積，權重的梯度對所有像素求和："},

    [TW_SAY_NETWORK] = {"The whole network", "整個網路"},
    [TW_SAY_NETWORK_TEXT] = {"An image of {0} goes in; {1} numbers come out. {2} parameters are trained.",
                             "輸入 {0} 的影像，輸出 {1} 個數。共訓練 {2} 個參數。"},
    [TW_SAY_NETWORK_LAYER] = {"layer", "層"},
    [TW_SAY_NETWORK_SHAPE] = {"shape", "形狀"},
    [TW_SAY_NETWORK_FLOPS] = {"flops", "浮點運算"},
    [TW_SAY_NETWORK_BYTES] = {"bytes", "位元組"},
    [TW_SAY_NETWORK_TOTAL] = {"all", "合計"},
    [TW_SAY_NETWORK_FORMULAS] = {"Forward and backward, layer by layer", "各層的前向與反向"},
    [TW_SAY_NETWORK_KIND] = {"layer", "層"},
    [TW_SAY_NETWORK_FORWARD] = {"forward", "前向"},
    [TW_SAY_NETWORK_BACKWARD] = {"backward", "反向"},
    [TW_SAY_NETWORK_VALUES] = {"The values and gradients that flow", "流動的數值與梯度"},
    [TW_SAY_NETWORK_VALUES_TEXT] = {"For the image given, with the label {0}: each layer's outputs, and the "
                                    "gradient of the loss by them.",
                                    "對給定的影像與標籤 {0}：各層的輸出，以"
                                    "及損失對它們的"
                                    "梯度。"},
    [TW_SAY_NETWORK_NO_LABEL] =
        {"For the image given: each layer's outputs. With a label there are gradients too.",
         "對給定的影像：各層的輸出。若給定標籤，還會有梯度。"},
    [TW_SAY_NETWORK_LEAST] = {"least", "最小"},
    [TW_SAY_NETWORK_MEAN] = {"mean", "平均"},
    [TW_SAY_NETWORK_MOST] = {"most", "最大"},
    [TW_SAY_NETWORK_NORM] = {"norm of `dL/dh`", "`dL/dh` 的範數"},
    [TW_SAY_NETWORK_CLASS] = {"class", "類別"},
    [TW_SAY_NETWORK_LOSS] = {"The loss is {0}.", "損失為 {0}。"},
    [TW_SAY_NETWORK_WEIGHTS] = {"The weights are the starting values for seed 1: nothing is learned yet.",
                                "權重是種子 1 的初始值：還沒有學到任何東西。"},
    [TW_SAY_NETWORK_WEIGHTS_GIVEN] = {"The weights are those that were given.", "權重是給定的值。"},
    [TW_SAY_NETWORK_TENSOR] = {"parameters", "參數"},
    [TW_SAY_NETWORK_NORM_W] = {"norm of `w`", "`w` 的範數"},
    [TW_SAY_NETWORK_NORM_DW] = {"norm of `dL/dw`", "`dL/dw` 的範數"},
    [TW_SAY_COUNT_OF] = {"count", "個數"},
    [TW_SAY_NETWORK_NUMBERED] = {"{0}. {1}", "{0}. {1}"},
    [TW_SAY_NETWORK_ONE] = {"The largest of its outputs, {0}, as the sum that makes it:",
                            "它最大的輸出 {0}，以及得到它的和："},
    [TW_SAY_NETWORK_ONE_GRADIENT] =
        {"The output on which the loss depends most is {0}. How it is made; then the largest gradient of a "
         "weight, and the largest that goes on to the layer before:",
         "損失最依賴的輸出是 {0}。以下是得到它的和，接著是權重中最"
         "大的梯度，以及往前一層傳去的最大梯度："},
    [TW_SAY_NETWORK_MORE_LAYERS] = {"Only the first {0} layers with weights are written out.",
                                    "只寫出前 {0} 個帶有權重的層。"},
    [TW_SAY_FIGURE_NETWORK] =
        {"The numbers that flow through the first channels of each layer. The stronger, the larger; blue "
         "above zero, orange below. Each map has its own scale.",
         "流過各層前幾個通道的數值。顏色越深，數值越大；藍色為正"
         "，橘色為負。每張圖各有自己的比例。"},
    [TW_SAY_FIGURE_VALUES] = {"values `h`", "數值 `h`"},
    [TW_SAY_FIGURE_GRADIENTS] = {"gradients `dL/dh`", "梯度 `dL/dh`"},

    [TW_SAY_ILLEGAL] = {"This shape is not possible", "這個形狀不可能"},
    [TW_SAY_ILLEGAL_RANGE] = {"{1}: {0} is {2}; it must be at least {3}.",
                              "{1}：{0} 為 {2}，至少必須是 {3}。"},
    [TW_SAY_ILLEGAL_EXTENT] =
        {"{0}: the kernel spans {1} pixels, but the padded image has only {2}; there is no place for it.",
         "{0}：卷積核跨越 {1} 個像素，但填充後的影像只有 {2} 個，"
         "放不下。"},
    [TW_SAY_ILLEGAL_GROUPS] =
        {"{0} groups do not divide {1} input and {2} output channels evenly; groups must divide both.",
         "{0} 個分組無法整除 {1} 個輸入通道與 {2} 個輸出通道；分組"
         "數必須能整除兩者。"},
    [TW_SAY_ILLEGAL_MESSAGE] = {"The library says: {0}", "函式庫的訊息：{0}"},
    [TW_SAY_ILLEGAL_NEAREST] = {"Each of these changes alone makes it possible:",
                                "以下任何一項改變都能使它可行："},
    [TW_SAY_CHANGE] = {"change", "改變"},
    [TW_SAY_NOW] = {"now", "目前"},
    [TW_SAY_NEAREST] = {"nearest legal", "最近的合法值"},
    [TW_SAY_EVERY_DIMENSION] = {"every dimension", "每個維度"},
    [TW_SAY_FIELD_GROUPS] = {"groups", "分組"},
    [TW_SAY_FIELD_IN] = {"input channels", "輸入通道"},
    [TW_SAY_FIELD_PADDING] = {"padding p, q", "填充 p、q"},
    [TW_SAY_FIELD_PAD_MODE] = {"padding mode", "填充方式"},
    [TW_SAY_FIELD_OUT] = {"output channels", "輸出通道"},
};

const char *tw_words(tw_language language, tw_word word) {
    return words[word][language];
}

const char *tw_language_name(tw_language language) {
    return language == TW_CHINESE ? "zh-TW" : "en";
}

tw_language tw_language_of(const char *locale) {
    bool chinese = locale && (strncmp(locale, "zh", 2) == 0 || strncmp(locale, "ZH", 2) == 0);
    return chinese ? TW_CHINESE : TW_ENGLISH;
}
