# Alles, was die Seite auf Deutsch sagt. Die Schlüssel sind dieselben wie in en.ftl; ein Test vergleicht beide mit dem Code.

## Einheiten

unit-megabytes = MB
unit-milliseconds = ms
unit-percent = %
millions = { $n } Millionen
exact-bytes = { $bytes } Byte

## Kopf

title = Tinylens: sieh, was Verkleinern macht
skip = Zum Inhalt
views = Ansichten
view-start = Start
view-live = Live
language = Language, Sprache
more = Modell und Laufzeit
theme-auto = Hell oder dunkel: wie das System
theme-light = Hell oder dunkel: hell
theme-dark = Hell oder dunkel: dunkel

## Wörter für beide Seiten

original = Original
compressed = Verkleinert
on = an
off = aus
yes = ja
cancel = Abbrechen
close = Schließen
details = Einzelheiten
try-again = Noch einmal
restart = Neu starten
class-number = Klasse { $number }

## Start

start-heading = Sieh, was Verkleinern mit einem neuronalen Netz macht
start-lead = Ein Bild von deiner Kamera, zwei Modelle, die sagen, was sie sehen: das Original und eines, das du verkleinerst. Beide laufen hier, in diesem Tab.
start-camera = Kamera starten
use-pictures = Eingebaute Bilder
open-file = Datei öffnen
no-pictures-reason = Hier gibt es keine eingebauten Bilder. Nimm die Kamera oder eigene Dateien.
step-look-title = Hinsehen
step-look-text = Halte etwas hoch: eine Tasse, eine Socke, eine Zitrone.
step-shrink-title = Verkleinern
step-shrink-text = Runde die Gewichte, lass die kleinsten weg.
step-compare-title = Vergleichen
step-compare-text = Byte, Millisekunden, und wie oft beide dasselbe sagen.
hero-running = Beide Modelle antworten gerade, Bild für Bild.
hero-loading = Das Modell wird geladen. Es bleibt auf diesem Gerät.
hero-compressing = Das Original antwortet schon; sein kleiner Zwilling entsteht gerade.
privacy = Gleich fragt der Browser nach der Kamera. Bilder verlassen dieses Gerät nie: Nichts wird hochgeladen.
privacy-check = Prüf es selbst
privacy-how = Öffne die Entwicklerwerkzeuge des Browsers, wähle „Netzwerk“ und starte die Kamera: Keine Anfrage trägt ein Bild. Die Sicherheitsregeln der Seite erlauben nur Verbindungen zu dieser Adresse, und zu huggingface.co für Modelle, die du von dort holst.

## Live

live-heading = Live vergleichen
stage-label = Das Bild, das beide Modelle sehen
first-answer = Erste Antwort
first-answer-former = Antwort des Rezepts davor
legend-both = beide
legend-only-original = nur Original
legend-only-compressed = nur verkleinert
verdict-same = Gleiche Antwort
verdict-different = Verschiedene Antworten
verdict-none = Noch kein Vergleich
tape-last = letzte { $n } Bilder
tape-counts = { $same } gleich, { $different } anders
tape-label = Letzte { $n } Bilder: { $counts }
tape-ago = vor { $seconds } s
tape-empty = noch keine Bilder
tape-now = jetzt
spoken-answers = Original { $original }, verkleinert { $compressed }
waiting-worker = Der Rechner startet
waiting-lost = Der Rechner steht
waiting-model = Das Modell wird geladen
waiting-recipe = Das Rezept läuft
waiting-stopped = Kein Rezept gelaufen
waiting-frame = Warte auf das erste Bild

## Bedienung

pause = Pause
go-on = Weiter
mirror = Spiegeln
source = Woher die Bilder kommen
source-none = Wähle eine Quelle
source-camera = Kamera
source-file = Bild- oder Videodatei
source-no-pictures = Eingebaute Bilder: hier keine
own-pictures = { $n ->
    [one] Dein Bild
   *[other] Deine { $count } Bilder
}
open-picture = Bild oder Video öffnen

## Kamera

no-source-title = Noch kein Bild
no-source-text = Starte die Kamera, oder öffne ein Bild oder ein Video.
camera-asking-title = Dein Browser fragt nach der Kamera
camera-asking-text = Wähle „Zulassen“. Das Bild bleibt auf diesem Gerät.
camera-denied-title = Die Kamera ist für diese Seite gesperrt
camera-denied-text = Öffne das Kamerasymbol in der Adresszeile, wähle „Zulassen“ und versuch es noch einmal.
camera-dismissed-title = Die Frage wurde geschlossen
camera-dismissed-text = Versuch es noch einmal und wähle „Zulassen“.
camera-none-title = Keine Kamera gefunden
camera-none-text = Steck eine an, dann startet sie von selbst. Oder mach ohne weiter.
camera-in-use-title = Ein anderes Programm nutzt die Kamera
camera-in-use-text = Schließ das Programm oder den Tab und versuch es noch einmal.
camera-insecure-title = Die Kamera braucht eine sichere Adresse
camera-insecure-text = Diese Seite wurde mit http geöffnet. Öffne sie mit https oder auf diesem Rechner als localhost.
camera-unplugged-title = Die Kamera wurde getrennt
camera-unplugged-text = Das letzte Bild bleibt.
camera-unplugged-counted = Das letzte Bild bleibt. Die Zahlen halten bei { $same } von { $n } Bildern.
camera-other-device-title = Diese Kamera geht nicht
camera-other-device-text = Sie ist nicht mehr da, oder sie liefert nicht das nötige Bild. Versuch es noch einmal, oder nimm eine andere.
camera-other-title = Die Kamera startet nicht
camera-other-text = Der Browser meldet „{ $name }“. Versuch es noch einmal, oder mach ohne weiter.

## Rezept

recipe = Rezept
recipe-choice = Vorgabe
preset-fp32 = FP32
preset-fp16 = FP16
preset-int8 = INT8
recipe-pruned = { $name }, { $percent } Nullen
sparsity = Auf null gesetzte Gewichte
step-prune = Gewichte beschneiden
step-prune-off = aus: kein Gewicht wird null
step-prune-note = Datei gleich groß: Nullen zählen mit
step-fp32 = Bei FP32 bleiben
step-fp32-note = unverändert: Gewichte wie trainiert
step-fp16 = Auf FP16 runden
step-fp16-note = halb so viele Byte; Rechnung in FP32
step-int8 = Auf INT8 quantisieren
step-int8-note = eine Skala je Kanal; rechnet ganzzahlig
step-plain = Als einfache Datei ausliefern
step-plain-note = jedes Gewicht in voller Breite
step-sparse = Dünn kodiert ausliefern
step-sparse-note = eine Maske und die Gewichte außer null
recipe-runs = Das Rezept läuft
recipe-waits = Das Rezept startet gleich.
recipe-done = Fertig. In { $seconds } s berechnet; { $zeros } der Gewichte sind null.
calibrated-frames = Kalibriert mit den letzten { $n } Bildern.
calibrated-built-in = Kalibriert mit { $n } Ansichten der eingebauten Bilder.
recipe-cancelled = Abgebrochen. Es gibt kein verkleinertes Modell.
recipe-failed = Das Rezept ist gescheitert: { $detail }
recipe-no-pictures = INT8 braucht Bilder zum Kalibrieren. Starte die Kamera oder öffne ein Bild, dann rechne noch einmal.
compute = Berechnen
stage-waits = Wartet, bis es dran ist. Live läuft weiter.
stage-download-of = { $done } von { $size }. Vor Gebrauch wird die Prüfsumme verglichen.
stage-download = Bisher { $size }. Vor Gebrauch wird die Prüfsumme verglichen.
stage-read = Die Datei wird gelesen und geprüft.
stage-repair = Schicht { $done } von { $of } wird repariert. Live läuft weiter.
stage-calibrate = Kalibrierbild { $done } von { $of }. Live läuft weiter.
stage-weights = Schicht { $done } von { $of }. Live läuft weiter.
stage-sizes = Die Dateien, die gezählt werden, entstehen.
stage-fixed-set = Ansicht { $done } von { $of }.
sizes-title = Vier Größen dieses Modells
size-dense = Als einfache Datei
size-gzip = Gezippt
size-sparse = Dünn kodiert
size-coded = Entropiekodiert
shipped = ausgeliefert

## Feste Bilder

fixed-title = Eine Probe, die man wiederholen kann
fixed-button = { $n } Ansichten von { $pictures } Bildern prüfen
fixed-button-own = Deine { $n } Bilder prüfen
fixed-about = { $n } Ansichten von { $pictures } Fotos: Ausschnitte, gespiegelt, heller, dunkler. Keine { $n } unabhängigen Fotos.
fixed-about-own = Deine { $n } Bilder, jedes einmal, davon das mittlere Quadrat.
fixed-needs-recipe = Braucht ein fertiges Rezept.
fixed-result = { $percent } gleiche Antwort: { $same } von { $n }. 95-%-Bereich { $low } bis { $high }.
fixed-failed = Die Probe wurde nicht fertig. Starte sie noch einmal.

## Fußleiste

dock = Die drei Zahlen
dock-bytes = Ausgelieferte Byte
dock-bytes-short = Byte
dock-latency = Rechenzeit, Median
dock-latency-of = Rechenzeit, Median von { $n } Bildern
dock-latency-paused = Rechenzeit, Pause
dock-latency-short = Zeit (p95)
dock-agreement = Gleiche Antwort wie das Original
dock-agreement-paused = Gleiche Antwort, Pause
dock-agreement-short = Gleiche Antwort
dock-different = { $n } anders
p95 = p95 { $millis }
of-frames = { $same } von { $n } Bildern
of-views = { $same } von { $n } festen Ansichten
of-own = { $same } von { $n } eigenen Bildern
range = 95-%-Bereich { $low } bis { $high }
same-size = gleich groß
times-smaller = { $factor }× kleiner
times-larger = { $factor }× größer
same-speed = gleich schnell
times-faster = { $factor }× schneller
times-slower = { $factor }× langsamer
reason-worker-starts = Rechner startet
reason-worker-lost = Rechner steht
reason-model-loads = Modell lädt
reason-no-model = kein Modell
reason-recipe-runs = Rezept läuft
reason-recipe-repairs = Rezept repariert Schichten
reason-recipe-calibrates = Rezept kalibriert
reason-recipe-weights = Rezept läuft, Schichten
reason-recipe-sizes = Rezept läuft, Größen
reason-recipe-stopped = kein Rezept
reason-no-frames = keine Bilder
reason-paused = Pause
reason-warming-up = läuft warm, { $done } von { $of } Bildern
reason-counting = { $done } von { $of } Bildern

## Laufzeit

runtime-title = Was die Modelle rechnet
runtime-starting = SIMD128 startet
runtime-lost = SIMD128 steht
runtime-ready = { $threads ->
    [one] { $count } Thread, { $instructions }
   *[other] { $count } Threads, { $instructions }
}
instructions-simd128 = SIMD128
instructions-relaxed = SIMD128 + relaxed
runtime-simd = SIMD128
runtime-relaxed = Relaxed SIMD
runtime-threads = Threads
runtime-isolated = Isoliert
relaxed-unused = aus: dieser Rechner ist ohne gebaut
relaxed-missing = aus: dieser Browser hat es nicht
threads-on = { $threads } von { $hardware }
threads-asked = { $threads } von { $hardware }: die Adresse verlangt einen
threads-one-processor = { $threads } von { $hardware }
threads-not-isolated = { $threads } von { $hardware }: Seite ist nicht isoliert
threads-no-shared-memory = { $threads } von { $hardware }: dieser Browser kann Speicher nicht teilen
threads-helpers-failed = { $threads } von { $hardware }: Hilfsthreads sind nicht gestartet
isolated-no = nein: Header COOP oder COEP fehlt

## Modelle

model-choice = Modell
model-open = Modell wählen
model-loading = wird geladen
model-none = Kein Modell
model-chip = { $size } × { $size }, { $classes } Klassen
model-from-web = { $name }, Download { $size }
models-title = Modelle
model-current = in Gebrauch
model-use = Nehmen
model-download = Herunterladen
model-name-everyday-60 = Alltag 60
model-about-everyday-60 = MobileNetV2, 60 Alltagsdinge, von diesem Projekt von Grund auf trainiert. MIT oder Apache-2.0.
model-name-efficientnet-lite0 = EfficientNet-Lite0
model-about-efficientnet-lite0 = ImageNet, 1.000 Klassen, 224 × 224. Google, Apache-2.0.
model-about-web = { $origin }, { $licence }, { $size }. Bleibt in diesem Browser.
model-own = Deine eigene Datei
model-own-about = MobileNet V1 oder V2 als ONNX mit FP32-Gewichten, oder ein Tinylens-Modell. Oder zieh sie irgendwo auf diese Seite. Sie bleibt auf diesem Gerät.
choose-file = Datei wählen
choose-other-file = Andere Datei wählen
loading-model = { $name } wird geladen
facts-title = Das geladene Modell
fact-name = Name
fact-origin = Herkunft
fact-licence = Lizenz
fact-licence-own = wie der Besitzer der Datei sagt
fact-bytes = Datei
fact-input = Eingabe
fact-input-value = { $size } × { $size } Pixel
fact-classes = Klassen
fact-parameters = Parameter
fact-multiply-adds = Multiplikationen je Bild
normalization = Vorbereitung der Bilder
normalization-recorded = wie in der Datei
normalization-minus-one = −1 bis 1
normalization-imagenet = Mittel und Streuung von ImageNet
normalization-assumed = Die Datei sagt nicht, wie Bilder vorbereitet werden. Wenn die Antworten keinen Sinn ergeben, nimm die andere.

## Ärger

no-models-title = Hier gibt es kein Modell
no-models-text = Nimm eines aus dem Netz oder öffne eine eigene Datei.
model-unreadable-title = „{ $name }“ ist kein Modell, das Tinylens liest
model-unreadable-text = Es liest MobileNet V1 und V2 als ONNX und seine eigenen Modelle. Nimm eine andere Datei.
model-cut-off-title = „{ $name }“ endet zu früh
model-cut-off-of = Die Datei nennt { $expected } Byte, angekommen sind { $actual }. Kopiere oder lade sie noch einmal.
model-cut-off = Sie endet nach { $actual } Byte, vor ihrem Inhalt. Kopiere oder lade sie noch einmal.
model-unsupported-title = „{ $name }“ läuft hier nicht
model-unsupported-text = Knoten { $node } braucht { $feature }; das hat Tinylens nicht.
model-http-title = „{ $name }“ wurde nicht gefunden
model-http-text = Der Server meldet { $status }. Versuch es später noch einmal.
model-network-title = Der Download von „{ $name }“ ist abgebrochen
model-network-text = Die Verbindung ist gerissen, oder es gibt keine. Versuch es noch einmal.
model-hash-title = „{ $name }“ ist nicht die versprochene Datei
model-hash-text = Ihre Prüfsumme (SHA-256) ist eine andere, darum wird sie nicht benutzt. Versuch es noch einmal.
model-failed-title = „{ $name }“ lässt sich nicht laden
model-failed-text = Etwas ging schief, das nicht schiefgehen sollte. Versuch es noch einmal.
model-former-stays = Dein Modell von vorher ist noch geladen.
worker-slow-title = Der Rechner braucht lange zum Starten
worker-slow-text = Er hat 20 Sekunden lang nicht geantwortet. Warte, oder starte ihn neu.
worker-lost-title = Der Rechner steht
worker-lost-text = Die Seite geht ohne ihn weiter. Starte ihn neu, damit es wieder Antworten gibt.
worker-silent-title = Der Rechner antwortet nicht
worker-silent-text = Ein Bild wartet seit 30 Sekunden. Warte, oder starte ihn neu.
file-unknown-title = „{ $name }“ ist kein Bild, kein Video und kein Modell
file-unknown-text = Öffne ein Bild, ein Video oder ein Modell als ONNX oder Safetensors.
file-unreadable-title = „{ $name }“ lässt sich nicht lesen
file-unreadable-text = Dieser Browser kann es nicht dekodieren. Was vorher lief, läuft weiter.
drop-here = Lass ein Bild, ein Video oder ein Modell los
