# Everything the page says in English. Keys are the same in de.ftl; a test compares both with the code.

## Units

unit-megabytes = MB
unit-milliseconds = ms
unit-percent = %
millions = { $n } million
exact-bytes = { $bytes } bytes

## Head

title = Tinylens: see what compression does
skip = To the content
views = Views
view-start = Start
view-live = Live
view-layers = Layers
view-experiments = Experiments
view-course = Course
language = Language, Sprache
more = Model and runtime
theme-auto = Light or dark: as the system
theme-light = Light or dark: light
theme-dark = Light or dark: dark

## Words for both sides

original = Original
compressed = Compressed
on = on
off = off
yes = yes
cancel = Cancel
close = Close
details = Details
try-again = Try again
restart = Restart
class-number = class { $number }

## Offline and storage

offline-title = Without a network
offline-starting = The page is being kept in this browser; that begins once a model runs.
offline-missing = This browser keeps nothing here: the page needs https or localhost, and no private window.
offline-part = The page opens without a network. Models and pictures are kept once you use them, or all at once:
offline-complete = Everything is kept. The page works without a network.
offline-make = Make available offline
offline-progress = { $done } of { $size }
offline-failed = Not everything could be kept: { $detail }. What was kept stays; try again.
storage-what = Kept in this browser
storage-stored = Size
storage-of = { $stored } of { $size }
storage-page = The page and the course
storage-engines = The engine for this browser
storage-pictures = Built-in pictures
storage-model = Model { $name }
storage-web = Models from the web
storage-delete = Delete
storage-delete-this = Delete: { $name }
storage-estimate = The browser counts { $usage } in use, of { $quota } that it allows.
storage-persistent = It promises not to clear them by itself.
storage-clearable = It may clear them when its disk is full.
update-title = A new version is here
update-text = It is loaded when you say so. Answers of the course and experiments stay; a running recipe starts anew.
update-now = Load it now
update-later = Later
update-elsewhere-title = A new version was taken in another tab
update-elsewhere-text = This tab still shows the former one. Load it again to go on with the new one.

## Start

start-heading = See what compression does to a neural network
start-lead = One picture from your camera, two models that name what they see: the original, and one that you make smaller. Both run here, in this tab.
start-camera = Start camera
use-pictures = Built-in pictures
open-file = Open a file
no-pictures-reason = No built-in pictures are served here. Use the camera or your own files.
step-look-title = Look
step-look-text = Hold something up: a cup, a sock, a lemon.
step-shrink-title = Make it smaller
step-shrink-text = Round the weights, drop the smallest.
step-compare-title = Compare
step-compare-text = Bytes, milliseconds, and how often both agree.
hero-running = Both models answer now, picture by picture.
hero-loading = The model is loading. It stays on this device.
hero-compressing = The original answers now; its smaller twin is being made.
privacy = The browser asks for the camera next. Pictures never leave this device: nothing is uploaded.
privacy-check = Check it yourself
privacy-how = Open the browser’s developer tools, choose the tab Network, and start the camera: no request carries a picture. The page’s security policy allows connections to this address only, and to huggingface.co for the models that you ask for there.

## Live

live-heading = Live compare
stage-label = The picture that both models see
first-answer = First answer
first-answer-former = Answer of the recipe before
legend-both = both
legend-only-original = only original
legend-only-compressed = only compressed
verdict-same = Same answer
verdict-different = Different answers
verdict-none = No comparison yet
tape-last = last { $n } frames
tape-counts = { $same } same, { $different } different
tape-label = Last { $n } frames: { $counts }
tape-ago = { $seconds } s ago
tape-empty = no frames yet
tape-now = now
spoken-answers = Original { $original }, compressed { $compressed }
waiting-worker = The engine starts
waiting-lost = The engine has stopped
waiting-model = The model is loading
waiting-recipe = The recipe runs
waiting-stopped = No recipe has run
waiting-frame = Waiting for the first frame

## Controls

pause = Pause
go-on = Go on
mirror = Mirror
source = Where frames come from
source-none = Choose a source
source-camera = Camera
source-file = Picture or video file
source-no-pictures = Built-in pictures: none served here
own-pictures = { $n ->
    [one] Your picture
   *[other] Your { $count } pictures
}
open-picture = Open a picture or video

## Camera

no-source-title = No picture yet
no-source-text = Start the camera, or open a picture or a video.
camera-asking-title = Your browser asks for the camera
camera-asking-text = Choose “Allow”. The picture stays on this device.
camera-denied-title = The camera is blocked for this page
camera-denied-text = Open the camera symbol in the address bar, choose “Allow”, then try again.
camera-dismissed-title = The question was closed
camera-dismissed-text = Try again and choose “Allow”.
camera-none-title = No camera found
camera-none-text = Plug one in; it starts by itself. Or go on without.
camera-in-use-title = Another program uses the camera
camera-in-use-text = Close the other program or tab, then try again.
camera-insecure-title = The camera needs a secure address
camera-insecure-text = This page was opened with http. Open it with https, or on this computer as localhost.
camera-unplugged-title = The camera was unplugged
camera-unplugged-text = The last frame stays.
camera-unplugged-counted = The last frame stays. Numbers are paused at { $same } of { $n } frames.
camera-other-device-title = This camera cannot be used
camera-other-device-text = It is no longer there, or it does not give the picture that is needed. Try again, or choose another one.
camera-other-title = The camera does not start
camera-other-text = The browser says “{ $name }”. Try again, or go on without.

## Recipe

recipe = Recipe
recipe-choice = Preset
format-choice = Number format
preset-own = Own
preset-own-from = Own, from { $name }
preset-name-fp32 = FP32
preset-about-fp32 = The model as it is: weights as they were trained.
preset-name-fp16 = FP16
preset-about-fp16 = Half the bytes. Arithmetic stays FP32.
preset-name-bf16 = BF16
preset-about-bf16 = Half the bytes, with the range of FP32 and less precision than FP16.
preset-name-int8 = INT8
preset-about-int8 = One scale per channel, biases corrected. Runs on integers.
preset-name-int8-per-tensor = INT8, one scale for all
preset-about-int8-per-tensor = One scale per layer, no repair. Where channels differ much, most answers are lost.
preset-name-int8-per-tensor-cle = INT8, one scale, repaired
preset-about-int8-per-tensor-cle = One scale per layer, after channels are equalised and dead ones cleared.
preset-name-int4 = INT4
preset-about-int4 = Four bits per weight where most weights are, reconstructed layer by layer.
preset-name-int4-groups = INT4 in groups
preset-about-int4-groups = Four bits per weight, one scale for each 32. A little larger, closer to the original.
preset-name-prune30 = 30 % pruned
preset-about-prune30 = The weights that matter least become zero; the others make up for them.
preset-name-prune50 = 50 % pruned
preset-about-prune50 = Half of the weights become zero; the others make up for them, not for all.
preset-name-prune70-obs = 70 % pruned
preset-about-prune70-obs = Too much without training: expect many different answers.
preset-name-cluster32 = 32 shared weights
preset-about-cluster32 = Each channel has 32 distinct weights; entropy coding makes the file small.
preset-name-cluster16 = 16 shared weights
preset-about-cluster16 = Each channel has 16 distinct weights: smaller, and further from the original.
preset-name-smallest-1pt = Smallest file
preset-about-smallest-1pt = Bits go where they are worth most. MobileNetV2 lost about one point; only the coded file is this small.
preset-name-fastest-1pt = Fastest
preset-about-fastest-1pt = INT8 on integers, dead channels cleared: the fastest that keeps about all answers.
recipe-pruned = { $name }, { $percent } zeros
sparsity = Weights set to zero
step-switch = { $name }, on or off
step-settings = { $name }, settings
recipe-open = Open a recipe (JSON)
recipe-save = Save this recipe (JSON)
no-recipe-title = “{ $name }” is not a recipe that runs here
no-recipe-text = What ran before goes on.
step-add = Add a step
step-off = off: left out
step-prune-off = off: no weight is set to zero
step-prune-note = file unchanged: zeros are stored too
step-quantize-weights = Quantise weights to { $format }
pass-remove-dead-channels = Clear dead channels
pass-equalize = Equalise channels
pass-prune = Prune weights
pass-quantize-activations = Quantise activations
pass-quantize-weights = Quantise weights
pass-cluster = Share weights
pass-quantize-for-size = Round for size
pass-float16 = Round to FP16
pass-bfloat16 = Round to BF16
pass-correct-biases = Correct biases
pass-absorb-biases = Absorb high biases
pass-reestimate-batch-norms = Re-estimate batch norms
pass-remove-channels = Remove channels
pass-repair-statistics = Repair statistics
note-remove-dead-channels = those that never change on calibration frames; exact there
note-equalize = neighbouring layers get like ranges; exact
note-zeros = { $percent } zeros
note-clusters-layer = { $n } weights per layer
note-clusters-channel = { $n } weights per channel
note-others-int8 = depthwise layers stay INT8
note-mixed = { $n } layers with bits of their own
note-correct-biases = each channel’s mean is brought back
note-absorb-biases = high biases move into the next layer; inexact
note-reestimate-batch-norms = means and variances of the calibration frames
note-remove-channels = { $percent } of the bottlenecks’ multiply-adds go
note-repair-statistics = each channel’s mean and deviation are brought back
note-shares = { $n } layers with shares of their own
refit = Layers behind them
refit-on = fitted again by least squares
refit-off = keep their weights
share = Multiply-adds that go
increments = Increments
increments-none = all at once
increments-some = in { $n } increments
step-result = plain file after it: { $size }
note-quantize-for-size = levels chosen by what they cost the coded file; the others make up for the error
note-float16 = half the bytes; arithmetic stays FP32
note-bfloat16 = half the bytes; arithmetic stays FP32
repair = Repair
repair-off = not repaired
repair-biases = biases corrected
repair-reconstruct = reconstructed
repair-choice-off = Off
repair-choice-biases = Biases
repair-choice-reconstruct = Reconstruct
structure = Where zeros stand
structure-anywhere = anywhere
structure-blocks = in blocks of 4 × 1
structure-n-of-m = { $zeros } of each { $all } are zero
distribution = Spread over layers
distribution-global = one threshold for all layers
distribution-uniform = the same share in each layer
distribution-weighted = larger shares in larger layers
distribution-measured = where the layers bear it best, as measured
clusters = Distinct weights
cluster-granularity = Shared within
per-layer = a layer
per-channel = a channel
bits = Bits
granularity = Scale
scale-layer = one scale for all
scale-channel = one scale per channel
scale-groups = one scale for each 32 weights
ranges = Ranges
ranges-min-max = smallest to largest value seen
ranges-percentile = without the outermost 0.005 %
ranges-mse = range of least squared error
ranges-entropy = range of closest distribution (KL)
step-ship = Ship
step-plain-note = every weight at its full width
step-gzip-note = the plain file, zipped
step-sparse-note = a mask and the weights that are not zero
step-coded-note = frequent values take fewer bits
refused-order = Step { $step }, “{ $pass }”, would undo “{ $earlier }”. Switch one of the two off.
refused-folded = Step { $step }, “{ $pass }”, comes too late: “{ $earlier }” folds batch norms. Move it before.
refused-share = Step { $step }, “{ $pass }”: a share of { $given }. Choose 0 to 0.95.
refused-schedule = Step { $step }, “{ $pass }”: increments and shares of single layers go with zeros anywhere or in blocks, increments with the repair “Reconstruct” and 2 to 16 of them.
refused-n-of-m = Step { $step }, “{ $pass }”: N of each M fixes the share of zeros, and { $given } is another. Choose where zeros stand once more, or let them stand elsewhere.
refused-noise = Step { $step } ({ $pass }): noise { $given } is not within 0.000001 to 10.
refused-clusters = Step { $step }, “{ $pass }”: { $given } distinct weights. Choose 2 to 256.
refused-bits = Step { $step }, “{ $pass }”: { $given } bits. Choose 8, 4 or 2.
refused-sparsity = Pruning takes 0 to 95 % zeros.
refused-version = This recipe has version { $version }; this page reads version { $ours }.
refused-json = Not a recipe at { $place }: { $detail }.
refused-start = the start
warning-zeros-plain = A plain file stores zeros too. Ship it sparse-coded or entropy-coded to save bytes.
warning-dead-late = Step { $step }: dead channels are found better before channels are equalised.
warning-ranges-early = Step { $step } changes activations whose ranges were measured before it.
warning-channels-late = Step { $step }: channels are removed better before weights are pruned.
warning-rewrite-late = Step { $step } comes after one that lost accuracy; later repairs aim at what is left.
warning-inexact = Step { $step } is inexact: the answers may change.
recipe-runs = The recipe runs
recipe-waits = The recipe starts at once.
recipe-done = Ready. Computed in { $seconds } s; { $zeros } of the weights are zero.
calibrated-frames = Calibrated on the last { $n } frames.
calibrated-built-in = Calibrated on { $n } views of built-in pictures, not those of the check.
recipe-cancelled = Cancelled. No compressed model is there.
recipe-failed = The recipe failed: { $detail }
recipe-no-pictures = This recipe needs pictures to calibrate on. Start the camera or open a picture, then compute again.
compute = Compute
stage-waits = Waits for its turn. The live view goes on.
stage-download-of = { $done } of { $size }. The check sum is compared before use.
stage-download = { $size } so far. The check sum is compared before use.
stage-read = Reading and checking the file.
stage-repair = Layer { $done } of { $of } is repaired. The live view goes on.
stage-calibrate = Calibration frame { $done } of { $of }. The live view goes on.
stage-weights = Layer { $done } of { $of }. The live view goes on.
stage-sizes = Writing the files that are counted.
stage-fixed-set = View { $done } of { $of }.
sizes-title = Four sizes of this model
size-dense = As a plain file
size-gzip = Zipped
size-sparse = Sparse-coded
size-coded = Entropy-coded
shipped = shipped

## Fixed set

fixed-title = A check that can be repeated
fixed-button = Check on { $n } views of { $pictures } pictures
fixed-button-own = Check on your { $n } pictures
fixed-about = { $n } views of { $pictures } photos: crops, mirrored, lighter, darker. Not { $n } independent photos, so the range is wider than it says. None of these photos calibrates.
fixed-about-own = Your { $n } pictures, once each, the centre square of each.
fixed-needs-recipe = Needs a finished recipe.
fixed-result = { $percent } same answer: { $same } of { $n }. 95 % range { $low } to { $high }.
fixed-failed = The check did not finish. Run it again.

## Dock

dock = The three numbers
dock-bytes = Shipped bytes
dock-bytes-short = Bytes
dock-latency = Latency, median
dock-latency-of = Latency, median of { $n } frames
dock-latency-paused = Latency, paused
dock-latency-short = Latency (p95)
dock-agreement = Same answer as the original
dock-agreement-paused = Same answer, paused
dock-agreement-short = Agreement
dock-different = { $n } different
p95 = p95 { $millis }
of-frames = { $same } of { $n } frames
of-views = { $same } of { $n } fixed views
of-own = { $same } of { $n } own pictures
range = 95 % range { $low } to { $high }
same-size = same size
times-smaller = { $factor }× smaller
times-larger = { $factor }× larger
same-speed = same speed
times-faster = { $factor }× faster
times-slower = { $factor }× slower
reason-worker-starts = engine starts
reason-worker-lost = engine stopped
reason-model-loads = model loads
reason-no-model = no model
reason-recipe-runs = recipe runs
reason-recipe-repairs = recipe repairs layers
reason-recipe-calibrates = recipe calibrates
reason-recipe-weights = recipe runs, layers
reason-recipe-sizes = recipe runs, sizes
reason-recipe-stopped = no recipe
reason-no-frames = no frames
reason-paused = paused
reason-warming-up = warming up, { $done } of { $of } frames
reason-counting = { $done } of { $of } frames

## Runtime

runtime-title = What runs the models
runtime-starting = SIMD128 starts
runtime-lost = SIMD128 stopped
runtime-ready = { $threads ->
    [one] { $count } thread, { $instructions }
   *[other] { $count } threads, { $instructions }
}
instructions-simd128 = SIMD128
instructions-relaxed = SIMD128 + relaxed
runtime-simd = SIMD128
runtime-relaxed = Relaxed SIMD
runtime-threads = Threads
runtime-isolated = Isolated
relaxed-unused = off: this engine is built without it
relaxed-missing = off: this browser does not have it
threads-on = { $threads } of { $hardware }
threads-asked = { $threads } of { $hardware }: the address asks for one
threads-one-processor = { $threads } of { $hardware }
threads-not-isolated = { $threads } of { $hardware }: page is not isolated
threads-no-shared-memory = { $threads } of { $hardware }: this browser cannot share memory
threads-helpers-failed = { $threads } of { $hardware }: helper threads did not start
isolated-no = no: header COOP or COEP is missing

## Models

model-choice = Model
model-open = Choose a model
model-loading = is loading
model-none = No model
model-chip = { $size } × { $size }, { $classes } classes
model-from-web = { $name }, download { $size }
models-title = Models
model-current = in use
model-use = Use
model-download = Download
model-name-everyday-60 = Everyday 60
model-about-everyday-60 = MobileNetV2, 60 everyday things, trained from scratch by this project. MIT or Apache-2.0.
model-name-efficientnet-lite0 = EfficientNet-Lite0
model-about-efficientnet-lite0 = ImageNet, 1,000 classes, 224 × 224. Google, Apache-2.0.
model-about-web = { $origin }, { $licence }, { $size }. Kept in this browser.
model-own = Your own file
model-own-about = MobileNet V1 or V2 as ONNX with FP32 weights, or a Tinylens model. Or drop it anywhere on this page. It stays on this device.
choose-file = Choose a file
choose-other-file = Choose another file
loading-model = Loading { $name }
facts-title = The loaded model
fact-name = Name
fact-origin = Origin
fact-licence = Licence
fact-licence-own = as its file’s owner says
fact-bytes = File
fact-input = Input
fact-input-value = { $size } × { $size } pixels
fact-classes = Classes
fact-parameters = Parameters
fact-multiply-adds = Multiply-adds per picture
normalization = Preparation of pictures
normalization-recorded = as the file records it
normalization-minus-one = −1 to 1
normalization-imagenet = ImageNet mean and deviation
normalization-assumed = The file does not say how pictures are prepared. If the answers make no sense, try the other one.

## Trouble

no-models-title = No model is served here
no-models-text = Choose one from the web or open your own file.
model-unreadable-title = “{ $name }” is not a model that Tinylens reads
model-unreadable-text = It reads MobileNet V1 and V2 as ONNX, and its own models. Choose another file.
model-cut-off-title = “{ $name }” ends too early
model-cut-off-of = The file says { $expected } bytes, but { $actual } arrived. Copy or download it again.
model-cut-off = It ends after { $actual } bytes, before its contents do. Copy or download it again.
model-unsupported-title = “{ $name }” cannot run here
model-unsupported-text = Node { $node } uses { $feature }, which Tinylens does not have.
model-http-title = “{ $name }” was not found
model-http-text = The server answered { $status }. Try again later.
model-network-title = The download of “{ $name }” was interrupted
model-network-text = The connection broke, or there is none. Try again.
model-hash-title = “{ $name }” is not the file that was promised
model-hash-text = Its check sum (SHA-256) differs, so it is not used. Try again.
model-failed-title = “{ $name }” cannot be loaded
model-failed-text = Something went wrong that should not. Try again.
model-former-stays = Your model before is still loaded.
worker-slow-title = The engine takes long to start
worker-slow-text = It has not answered for 20 seconds. Wait, or restart it.
worker-lost-title = The engine has stopped
worker-lost-text = The page goes on without it. Restart it to get answers again.
worker-silent-title = The engine does not answer
worker-silent-text = A frame has waited for 30 seconds. Wait, or restart it.
file-unknown-title = “{ $name }” is not a picture, a video, a model or a recipe
file-unknown-text = Open a picture, a video, a model as ONNX or safetensors, or a recipe as JSON.
file-unreadable-title = “{ $name }” cannot be read
file-unreadable-text = This browser cannot decode it. What ran before goes on.
drop-here = Drop a picture, a video or a model

# The course.
course-loads = The lesson is on its way.
course-missing = This lesson cannot be shown ({ $detail }). Reload the page, or go on with another lesson.
course-lessons = Lessons
course-lesson = Lesson { $number }
course-minutes = about { $minutes } minutes
course-steps = Steps of this lesson
course-step = Step { $step } of { $of }
course-step-named = Step { $step }: { $title }
course-answer-first = Answer first. Then it goes on here.
course-undecided = What comes next depends on a measurement:
course-not-here = A dash stands for a figure that this page cannot measure yet. It is never filled by guesswork.
course-not-measured = This page cannot measure that yet.
course-sources = Sources of this step
course-evidence = Evidence: { $evidence }.
course-keep = What you keep:
course-back = Back
course-next = Next step
course-next-lesson = Next lesson
course-masked = Hidden until you have guessed
course-measured-here = Measured or counted here, on the loaded model
course-running = { $recipe } is being measured
course-run = Run { $recipe }
course-run-all = Run all of them
course-no-run = No recipe has run for this yet
course-soon = On its way
course-no-guess = You have not guessed yet
course-waits = It is being measured.
course-latency = { $median } ms (p95 { $p95 })
course-runtime = SIMD on { $n ->
    [one] one thread
   *[other] { $threads } threads
 }
course-runtime-relaxed = relaxed SIMD on { $n ->
    [one] one thread
   *[other] { $threads } threads
 }
course-agreement = { $percent } (n = { $n }, 95 % range { $low } to { $high })
course-points = { $points } points
unit-minutes = min
course-right = right
course-wrong = not quite
course-open = not measured yet
course-make-guess = That is my guess
course-your-guess = your guess
course-measured = measured
course-guess-label = Your guess: { $guess }. Measured: { $truth }.
course-schedule-label = At t = { $time } the sparsity is { $sparsity }; the goal is 80 %. A formula, not a measurement.
course-million = { $n } M
course-published = Published models
course-weights = Weights
course-macs = Multiply-adds
course-correct = Right
course-own-numbers = Your own numbers, to try out the arithmetic. They do not come from the model.
course-weight = Weight
course-scale = Scale
course-quotient = Weight / scale
course-code = Code that is stored
course-restored = Scale × code
course-error = Error
course-recipe-not-here = This recipe cannot be run here yet.
course-both-see = What both see
course-view-missing = This picture is not built yet. The text stands on its own, and no sample numbers fill the gap.
course-file-not-float = This file does not hold its weights in 32 bits each, so this sum does not apply.
course-part-weights = Weights, 4 bytes each
course-part-other = Bookkeeping
course-slider-laptops = Laptops in the room
course-slider-mbit = Network of the room, Mbit/s
course-slider-sparsity = Weights set to zero, per cent
course-slider-clusters = Groups of weights
course-slider-t = Training time t
course-recipe-original = Original
course-recipe-int8-per-tensor-cle = INT8 per tensor, equalized and corrected
course-recipe-int8-per-tensor--keep-first = INT8 per tensor, first convolution in float
course-recipe-int8-per-tensor--keep-depthwise = INT8 per tensor, depthwise in float
course-recipe-int8-per-tensor--keep-pointwise = INT8 per tensor, pointwise in float
course-recipe-int8-per-tensor--keep-classifier = INT8 per tensor, classifier in float
course-recipe-prune--50 = half pruned, no repair
course-recipe-prune = pruning by the slider
course-recipe-prune-channels = channels removed
course-recipe-cluster = groups by the slider
course-recipe-prune-cluster-code = pruned, clustered, coded
course-recipe-recover = recovery
course-view-compare = Original and compressed
course-view-file-parts = What the file holds
course-view-layers = All layers
course-view-arithmetic = Step by step
course-view-ruler = The ruler
course-view-weight-bits = The bits of a weight
course-view-weight-histogram = Where the weights lie
course-view-layer-error = Errors of the layers
course-view-activation-ranges = Ranges between layers
course-view-channel-ranges = Ranges of the channels
course-view-equalize-pair = One channel, two layers
course-view-output-shift = Mean shift of the outputs
course-view-timing = Times
course-view-ladder = Sizes of one model
course-view-chart = Chart
course-view-schedule = Sparsity while training
course-view-symbol-frequencies = How often which codes occur
course-view-score-lists = Both lists
course-view-recover = Recovery
course-view-recipe = Recipe
course-view-experiments = Experiments
course-figure-accuracy-original = Right answers, original
course-figure-accuracy-compressed = Right answers, compressed
course-figure-weight-value = Weight
course-strip-label = All { $n } layers in their order
course-strip-up = Up: multiply-adds
course-strip-down = Down: bytes of the file
course-kind = Kind of layer
course-kind-layers = Layers
course-kind-bytes = Bytes
course-kind-first = First convolution
course-kind-depthwise = Depthwise
course-kind-pointwise = Pointwise
course-kind-classifier = Classifier
course-file-by-kind = The compressed file by kind of layer
course-part-rest = Everything else
course-run-short = Run
course-running-short = runs
course-switches-missing = The switches that the text mentions are not built yet.
course-recipe-int8-per-tensor--cle = INT8 per tensor, equalized only

## Layers

layers-lead = Every bar is one layer, in the order in which the picture passes through. Choose one to see inside.
layers-none = No model is loaded yet, or it has no layers with weights.
layers-metric = What the bars show
layers-measure = Measure milliseconds
layers-measuring = Measuring
layers-measured = Times are medians of { $runs } runs on the last frame, both models in turn. GMAC/s are 10⁹ multiply-adds each second; the ceiling is what the threads reach on numbers in registers.
layers-not-measured = Milliseconds are not measured yet for these two models.
layers-strip = Layers by { $metric }
layers-up = up: original
layers-down = down: compressed, same scale
layers-keys = Arrow keys, Home and End move.
layers-table = All layers
layer = Layer
layer-number = Layer { $number }
layer-about = { $kind } { $kernel }, { $channels } channels
layer-bar = Layer { $number }, { $about }: original { $original }, compressed { $compressed }
layer-loading = The worker looks at the weights.
layer-kind = Kind
layer-weights = Weights
layer-format = Stored as
layer-rate = GMAC/s
layer-ceiling = share of the ceiling
layer-joined = with the layer before
metric-bytes = Bytes
metric-macs = Multiply-adds
metric-macs-millions = Multiply-adds, millions
metric-millis = Milliseconds
metric-zeros = Zeros
metric-bits = Bits of each weight
bits-each = { $bits } bits
kind-first = first
kind-depthwise = depthwise
kind-pointwise = pointwise
kind-classifier = classifier
kind-other = convolution
format-integer = INT{ $bits }, scales: { $scales }
format-groups = INT{ $bits } in groups, scales: { $scales }
format-clustered = { $n } shared values
ranges-lead = INT8 has 255 levels. With one scale for the whole layer the widest channel takes them all; then { $narrow } of { $n } channels are left with fewer than { $levels } levels, inside the pale band.
ranges-before = Range of each channel in the original, in levels of one scale
ranges-after = Range of the same channels in the compressed model, in levels of one scale
ranges-widest = widest channel of the original
ranges-narrowest = narrowest
ranges-narrow = Channels with fewer than { $levels } levels of one scale
ranges-step = Step between two levels of one scale
before-after = { $before }, then { $after }
histogram-heading = Weights of this layer
histogram-axis = Number of weights, on a square-root axis, by their value.
weight-heading = One weight, step by step
weight-place = Channel { $channel }, its largest weight: position { $position } of { $of }
weight-value = Weight of the original
weight-scale = Scale
weight-multiplier = Multiplier of its group
weight-zero-point = Zero point
weight-quotient = Weight divided by the step
weight-level = Level, { $bits } bits
weight-code = Position among { $n } shared values
weight-float = Stored in { $bits } bits
weight-restored = Restored weight
weight-error = Error
weight-gone = The compressed model does not have this weight, or is not there.
weight-note = The compressed side holds all steps of the recipe together: repairs and equal channels change weights too.
channel-before = Channel before
channel-after = Next channel

## Experiments

experiments-lead = Every recipe that ran here, with what came of it. Choose one to run it on the compressed side.
experiments-none = No model is loaded yet.
experiments-csv = Table as CSV
history = History
history-n = { $n ->
    [one] one experiment with this model
   *[other] { $count } experiments with this model
 }
history-same = same answer
history-remove = Remove
history-remove-this = Remove { $name }
history-runs = runs
history-now = now on the compressed side
history-note = An indented recipe begins with the steps of the one above it. Recipes and figures stay in this browser, models do not; opening one runs its recipe again.
pareto = Size against agreement
pareto-save = Chart as SVG
pareto-x = Shipped bytes in MB, each line doubles
pareto-y = Same answer as the original
pareto-finding = { $n } experiments by shipped bytes and agreement; nothing beats { $best } of them in both.
pareto-note = Larger marks are slower. Dotted line: nothing here is both smaller and more often right. Whisker: 95 % range of the present one. The table holds the same figures.
