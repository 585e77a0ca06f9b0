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
view-layers = Schichten
view-experiments = Versuche
view-course = Kurs
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

## Offline and storage

offline-title = Ohne Netz
offline-starting = Die Seite wird in diesem Browser abgelegt, sobald ein Modell läuft.
offline-missing = Dieser Browser legt hier nichts ab: Die Seite braucht https oder localhost und kein privates Fenster.
offline-part = Die Seite öffnet sich ohne Netz. Modelle und Bilder werden abgelegt, wenn du sie benutzt, oder alle auf einmal:
offline-complete = Alles ist abgelegt. Die Seite läuft ohne Netz.
offline-make = Offline verfügbar machen
offline-progress = { $done } von { $size }
offline-failed = Nicht alles ließ sich ablegen: { $detail }. Was schon da ist, bleibt; versuch es noch einmal.
storage-what = In diesem Browser abgelegt
storage-stored = Größe
storage-of = { $stored } von { $size }
storage-page = Die Seite und der Kurs
storage-engines = Die Engine für diesen Browser
storage-pictures = Eingebaute Bilder
storage-model = Modell { $name }
storage-web = Modelle aus dem Netz
storage-delete = Löschen
storage-delete-this = Löschen: { $name }
storage-estimate = Der Browser zählt { $usage } belegt, von { $quota }, die er erlaubt.
storage-persistent = Er verspricht, sie nicht von selbst zu löschen.
storage-clearable = Er darf sie löschen, wenn der Datenträger voll ist.
update-title = Eine neue Version ist da
update-text = Sie wird erst geladen, wenn du es sagst. Antworten im Kurs und Experimente bleiben; ein laufendes Rezept beginnt von vorn.
update-now = Jetzt laden
update-later = Später
update-elsewhere-title = In einem anderen Tab wurde eine neue Version übernommen
update-elsewhere-text = Dieser Tab zeigt noch die alte. Lade ihn neu, um mit der neuen weiterzumachen.

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
format-choice = Zahlenformat
preset-own = Eigenes
preset-own-from = Eigenes, aus { $name }
preset-name-fp32 = FP32
preset-about-fp32 = Das Modell, wie es ist: Gewichte wie trainiert.
preset-name-fp16 = FP16
preset-about-fp16 = Halb so viele Byte. Gerechnet wird in FP32.
preset-name-bf16 = BF16
preset-about-bf16 = Halb so viele Byte, Wertebereich wie FP32, ungenauer als FP16.
preset-name-int8 = INT8
preset-about-int8 = Eine Skala je Kanal, Bias korrigiert. Rechnet ganzzahlig.
preset-name-int8-per-tensor = INT8, eine Skala für alles
preset-about-int8-per-tensor = Eine Skala je Schicht, keine Reparatur. Wo Kanäle sehr verschieden sind, gehen die meisten Antworten verloren.
preset-name-int8-per-tensor-cle = INT8, eine Skala, repariert
preset-about-int8-per-tensor-cle = Eine Skala je Schicht, nachdem Kanäle angeglichen und tote geleert sind.
preset-name-int4 = INT4
preset-about-int4 = Vier Bit je Gewicht, wo die meisten Gewichte sind, Schicht für Schicht rekonstruiert.
preset-name-int4-groups = INT4 in Gruppen
preset-about-int4-groups = Vier Bit je Gewicht, eine Skala für je 32. Etwas größer, näher am Original.
preset-name-prune30 = 30 % beschnitten
preset-about-prune30 = Die unwichtigsten Gewichte werden null; die anderen gleichen es aus.
preset-name-prune50 = 50 % beschnitten
preset-about-prune50 = Die Hälfte der Gewichte wird null; die anderen gleichen es aus, nicht ganz.
preset-name-prune70-obs = 70 % beschnitten
preset-about-prune70-obs = Zu viel ohne Training: Viele Antworten werden anders.
preset-name-cluster32 = 32 geteilte Gewichte
preset-about-cluster32 = Jeder Kanal hat 32 verschiedene Gewichte; Entropiekodierung macht die Datei klein.
preset-name-cluster16 = 16 geteilte Gewichte
preset-about-cluster16 = Jeder Kanal hat 16 verschiedene Gewichte: kleiner und weiter vom Original.
preset-name-smallest-1pt = Kleinste Datei
preset-about-smallest-1pt = Bits gehen dorthin, wo sie am meisten nützen. MobileNetV2 verlor etwa einen Punkt; nur die codierte Datei ist so klein.
preset-name-fastest-1pt = Am schnellsten
preset-about-fastest-1pt = INT8 auf ganzen Zahlen, tote Kanäle geleert: am schnellsten bei fast gleichen Antworten.
recipe-pruned = { $name }, { $percent } Nullen
sparsity = Auf null gesetzte Gewichte
step-switch = { $name }, ein oder aus
step-settings = { $name }, Einstellungen
recipe-open = Rezept öffnen (JSON)
recipe-save = Dieses Rezept sichern (JSON)
no-recipe-title = „{ $name }“ ist kein Rezept, das hier läuft
no-recipe-text = Was vorher lief, läuft weiter.
step-add = Schritt hinzufügen
step-off = aus: wird ausgelassen
step-prune-off = aus: kein Gewicht wird null
step-prune-note = Datei gleich groß: Nullen zählen mit
step-quantize-weights = Gewichte auf { $format } quantisieren
pass-remove-dead-channels = Tote Kanäle leeren
pass-equalize = Kanäle angleichen
pass-prune = Gewichte beschneiden
pass-quantize-activations = Aktivierungen quantisieren
pass-quantize-weights = Gewichte quantisieren
pass-cluster = Gewichte teilen
pass-quantize-for-size = Auf Größe runden
pass-float16 = Auf FP16 runden
pass-bfloat16 = Auf BF16 runden
pass-correct-biases = Bias korrigieren
pass-absorb-biases = Hohe Bias weiterreichen
pass-reestimate-batch-norms = Batch-Norms neu schätzen
pass-remove-channels = Kanäle entfernen
pass-repair-statistics = Statistik reparieren
note-remove-dead-channels = die sich auf Kalibrierbildern nie ändern; dort exakt
note-equalize = Nachbarschichten bekommen ähnliche Bereiche; exakt
note-zeros = { $percent } Nullen
note-clusters-layer = { $n } Gewichte je Schicht
note-clusters-channel = { $n } Gewichte je Kanal
note-others-int8 = Depthwise-Schichten bleiben INT8
note-mixed = { $n } Schichten mit eigenen Bits
note-correct-biases = der Mittelwert jedes Kanals wird wiederhergestellt
note-absorb-biases = hohe Bias wandern in die nächste Schicht; nicht exakt
note-reestimate-batch-norms = Mittelwerte und Varianzen der Kalibrierbilder
note-remove-channels = { $percent } der Rechnung in den Engpässen entfallen
note-repair-statistics = Mittelwert und Streuung jedes Kanals werden wiederhergestellt
note-shares = { $n } Schichten mit eigenem Anteil
refit = Schichten dahinter
refit-on = mit kleinsten Quadraten neu angepasst
refit-off = behalten ihre Gewichte
share = Rechnung, die entfällt
increments = Teilschritte
increments-none = auf einmal
increments-some = in { $n } Teilschritten
step-result = einfache Datei danach: { $size }
note-quantize-for-size = Stufen nach dem, was sie in der codierten Datei kosten; die übrigen gleichen den Fehler aus
note-float16 = halb so viele Byte; Rechnung in FP32
note-bfloat16 = halb so viele Byte; Rechnung in FP32
repair = Reparatur
repair-off = nicht repariert
repair-biases = Bias korrigiert
repair-reconstruct = rekonstruiert
repair-choice-off = Aus
repair-choice-biases = Bias
repair-choice-reconstruct = Rekonstruktion
structure = Wo Nullen stehen
structure-anywhere = überall
structure-blocks = in Blöcken von 4 × 1
structure-n-of-m = { $zeros } von je { $all } sind null
distribution = Verteilung auf Schichten
distribution-global = eine Schwelle für alle Schichten
distribution-uniform = derselbe Anteil in jeder Schicht
distribution-weighted = größere Anteile in größeren Schichten
distribution-measured = wo die Schichten es am besten vertragen, gemessen
clusters = Verschiedene Gewichte
cluster-granularity = Geteilt in
per-layer = einer Schicht
per-channel = einem Kanal
bits = Bits
granularity = Skala
scale-layer = eine Skala für alles
scale-channel = eine Skala je Kanal
scale-groups = eine Skala für je 32 Gewichte
ranges = Bereiche
ranges-min-max = vom kleinsten zum größten Wert
ranges-percentile = ohne die äußersten 0,005 %
ranges-mse = Bereich mit kleinstem Fehlerquadrat
ranges-entropy = Bereich mit ähnlichster Verteilung (KL)
step-ship = Ausliefern
step-plain-note = jedes Gewicht in voller Breite
step-gzip-note = die einfache Datei, gezippt
step-sparse-note = eine Maske und die Gewichte außer null
step-coded-note = häufige Werte brauchen weniger Bits
refused-order = Schritt { $step }, „{ $pass }“, macht „{ $earlier }“ zunichte. Schalte einen der beiden aus.
refused-folded = Schritt { $step }, „{ $pass }“, kommt zu spät: „{ $earlier }“ faltet Batch-Norms ein. Zieh ihn davor.
refused-share = Schritt { $step }, „{ $pass }“: ein Anteil von { $given }. Wähle 0 bis 0,95.
refused-schedule = Schritt { $step }, „{ $pass }“: Teilschritte und Anteile einzelner Schichten gibt es nur mit Nullen überall oder in Blöcken, Teilschritte nur mit der Reparatur „Rekonstruktion“ und 2 bis 16 davon.
refused-n-of-m = Schritt { $step }, „{ $pass }“: N von je M legt den Anteil der Nullen fest, und { $given } ist ein anderer. Wähle noch einmal, wo Nullen stehen, oder lass sie woanders stehen.
refused-noise = Schritt { $step } ({ $pass }): Rauschen { $given } liegt nicht zwischen 0,000001 und 10.
refused-clusters = Schritt { $step }, „{ $pass }“: { $given } verschiedene Gewichte. Wähle 2 bis 256.
refused-bits = Schritt { $step }, „{ $pass }“: { $given } Bits. Wähle 8, 4 oder 2.
refused-sparsity = Beschneiden geht von 0 bis 95 % Nullen.
refused-version = Dieses Rezept hat Version { $version }; diese Seite liest Version { $ours }.
refused-json = Kein Rezept bei { $place }: { $detail }.
refused-start = Anfang
warning-zeros-plain = Eine einfache Datei speichert auch Nullen. Liefere dünn kodiert oder entropiekodiert aus, um Byte zu sparen.
warning-dead-late = Schritt { $step }: Tote Kanäle findet man besser, bevor Kanäle angeglichen sind.
warning-ranges-early = Schritt { $step } ändert Aktivierungen, deren Bereiche vorher gemessen wurden.
warning-channels-late = Schritt { $step }: Kanäle entfernt man besser, bevor Gewichte beschnitten sind.
warning-rewrite-late = Schritt { $step } folgt auf einen verlustreichen; spätere Reparaturen zielen auf das, was übrig ist.
warning-inexact = Schritt { $step } ist nicht exakt: Die Antworten können sich ändern.
recipe-runs = Das Rezept läuft
recipe-waits = Das Rezept startet gleich.
recipe-done = Fertig. In { $seconds } s berechnet; { $zeros } der Gewichte sind null.
calibrated-frames = Kalibriert mit den letzten { $n } Bildern.
calibrated-built-in = Kalibriert mit { $n } Ansichten eingebauter Bilder, nicht denen der Probe.
recipe-cancelled = Abgebrochen. Es gibt kein verkleinertes Modell.
recipe-failed = Das Rezept ist gescheitert: { $detail }
recipe-no-pictures = Dieses Rezept braucht Bilder zum Kalibrieren. Starte die Kamera oder öffne ein Bild, dann rechne noch einmal.
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
fixed-about = { $n } Ansichten von { $pictures } Fotos: Ausschnitte, gespiegelt, heller, dunkler. Keine { $n } unabhängigen Fotos, der Bereich ist also breiter, als er aussieht. Keines dieser Fotos kalibriert.
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
file-unknown-title = „{ $name }“ ist kein Bild, kein Video, kein Modell und kein Rezept
file-unknown-text = Öffne ein Bild, ein Video, ein Modell als ONNX oder Safetensors oder ein Rezept als JSON.
file-unreadable-title = „{ $name }“ lässt sich nicht lesen
file-unreadable-text = Dieser Browser kann es nicht dekodieren. Was vorher lief, läuft weiter.
drop-here = Lass ein Bild, ein Video oder ein Modell los

# Der Kurs.
course-loads = Die Lektion ist unterwegs.
course-missing = Diese Lektion lässt sich nicht zeigen ({ $detail }). Lade die Seite neu oder nimm eine andere Lektion.
course-lessons = Lektionen
course-lesson = Lektion { $number }
course-minutes = etwa { $minutes } Minuten
course-steps = Schritte dieser Lektion
course-step = Schritt { $step } von { $of }
course-step-named = Schritt { $step }: { $title }
course-answer-first = Antworte zuerst. Dann geht es hier weiter.
course-undecided = Wie es weitergeht, hängt von einer Messung ab:
course-not-here = Ein Strich steht für eine Zahl, die diese Seite noch nicht messen kann. Geraten wird sie nie.
course-not-measured = Das kann diese Seite noch nicht messen.
course-sources = Quellen dieses Schritts
course-evidence = Beleg: { $evidence }.
course-keep = Das nimmst du mit:
course-back = Zurück
course-next = Nächster Schritt
course-next-lesson = Nächste Lektion
course-masked = Verdeckt, bis du getippt hast
course-measured-here = Hier gemessen oder gezählt, am geladenen Modell
course-running = { $recipe } wird gemessen
course-run = { $recipe } starten
course-run-all = Alle starten
course-no-run = Dafür lief noch kein Rezept
course-soon = Kommt gleich
course-no-guess = Du hast noch nicht getippt
course-waits = Es wird gerade gemessen.
course-latency = { $median } ms (p95 { $p95 })
course-runtime = SIMD auf { $n ->
    [one] einem Thread
   *[other] { $threads } Threads
 }
course-runtime-relaxed = Relaxed SIMD auf { $n ->
    [one] einem Thread
   *[other] { $threads } Threads
 }
course-agreement = { $percent } (n = { $n }, 95-%-Bereich { $low } bis { $high })
course-points = { $points } Punkte
unit-minutes = min
course-right = richtig
course-wrong = nicht ganz
course-open = noch nicht gemessen
course-make-guess = Das ist mein Tipp
course-your-guess = dein Tipp
course-measured = gemessen
course-guess-label = Dein Tipp: { $guess }. Gemessen: { $truth }.
course-schedule-label = Bei t = { $time } sind { $sparsity } Nullen erreicht, das Ziel ist 80 %. Eine Formel, keine Messung.
course-million = { $n } Mio.
course-published = Veröffentlichte Modelle
course-weights = Gewichte
course-macs = Multiply-Adds
course-correct = Richtig
course-own-numbers = Deine eigenen Zahlen, zum Ausprobieren der Rechnung. Sie kommen nicht aus dem Modell.
course-weight = Gewicht
course-scale = Skalierungsfaktor
course-quotient = Gewicht / Skalierungsfaktor
course-code = Gespeicherter Code
course-restored = Skalierungsfaktor × Code
course-error = Fehler
course-recipe-not-here = Dieses Rezept läuft hier noch nicht.
course-both-see = Was beide sehen
course-view-missing = Dieses Bild gibt es noch nicht. Der Text steht für sich, und keine Beispielzahlen füllen die Lücke.
course-file-not-float = Diese Datei speichert Gewichte nicht mit je 32 Bit, deshalb gilt diese Rechnung nicht.
course-part-weights = Gewichte, je 4 Byte
course-part-other = Buchführung
course-slider-laptops = Laptops im Raum
course-slider-mbit = Netz im Raum, Mbit/s
course-slider-sparsity = Auf null gesetzte Gewichte, Prozent
course-slider-clusters = Gruppen von Gewichten
course-slider-t = Trainingszeit t
course-recipe-original = Original
course-recipe-int8-per-tensor-cle = INT8 pro Tensor, angeglichen und korrigiert
course-recipe-int8-per-tensor--keep-first = INT8 pro Tensor, erste Faltung in Gleitkomma
course-recipe-int8-per-tensor--keep-depthwise = INT8 pro Tensor, Depthwise in Gleitkomma
course-recipe-int8-per-tensor--keep-pointwise = INT8 pro Tensor, Pointwise in Gleitkomma
course-recipe-int8-per-tensor--keep-classifier = INT8 pro Tensor, Klassifikator in Gleitkomma
course-recipe-prune--50 = halb beschnitten, ohne Reparatur
course-recipe-prune = Pruning nach dem Regler
course-recipe-prune-channels = Kanäle entfernt
course-recipe-cluster = Gruppen nach dem Regler
course-recipe-prune-cluster-code = beschnitten, geclustert, kodiert
course-recipe-recover = Erholung
course-view-compare = Original und verkleinert
course-view-file-parts = Was in der Datei steckt
course-view-layers = Alle Schichten
course-view-arithmetic = Schritt für Schritt
course-view-ruler = Das Lineal
course-view-weight-bits = Die Bits eines Gewichts
course-view-weight-histogram = Wo die Gewichte liegen
course-view-layer-error = Fehler der Schichten
course-view-activation-ranges = Wertebereiche zwischen Schichten
course-view-channel-ranges = Bereiche der Kanäle
course-view-equalize-pair = Ein Kanal, zwei Schichten
course-view-output-shift = Mittlere Verschiebung der Ausgaben
course-view-timing = Zeiten
course-view-ladder = Größen eines Modells
course-view-chart = Diagramm
course-view-schedule = Nullen im Lauf des Trainings
course-view-symbol-frequencies = Wie oft welche Codes vorkommen
course-view-score-lists = Beide Listen
course-view-recover = Erholung
course-view-recipe = Rezept
course-view-experiments = Versuche
course-figure-accuracy-original = Richtige Antworten, Original
course-figure-accuracy-compressed = Richtige Antworten, verkleinert
course-figure-weight-value = Gewicht
course-strip-label = Alle { $n } Schichten der Reihe nach
course-strip-up = Nach oben: Multiply-Adds
course-strip-down = Nach unten: Bytes der Datei
course-kind = Sorte
course-kind-layers = Schichten
course-kind-bytes = Bytes
course-kind-first = Erste Faltung
course-kind-depthwise = Depthwise
course-kind-pointwise = Pointwise
course-kind-classifier = Klassifikator
course-file-by-kind = Die verkleinerte Datei nach Sorte der Schicht
course-part-rest = Alles Übrige
course-run-short = Starten
course-running-short = läuft
course-switches-missing = Die Schalter, von denen der Text spricht, gibt es noch nicht.
course-recipe-int8-per-tensor--cle = INT8 pro Tensor, nur angeglichen

## Layers

layers-lead = Jeder Balken ist eine Schicht, in der Reihenfolge, in der das Bild hindurchgeht. Wähle eine, um hineinzusehen.
layers-none = Noch ist kein Modell geladen, oder es hat keine Schichten mit Gewichten.
layers-metric = Was die Balken zeigen
layers-measure = Millisekunden messen
layers-measuring = Wird gemessen
layers-measured = Zeiten sind Mediane aus { $runs } Läufen auf dem letzten Bild, beide Modelle im Wechsel. GMAC/s sind 10⁹ Multiplikationen mit Addition je Sekunde; die Obergrenze ist, was die Threads mit Zahlen in Registern erreichen.
layers-not-measured = Millisekunden sind für diese zwei Modelle noch nicht gemessen.
layers-strip = Schichten nach { $metric }
layers-up = oben: Original
layers-down = unten: verkleinert, gleicher Maßstab
layers-keys = Pfeiltasten, Pos1 und Ende bewegen.
layers-table = Alle Schichten
layer = Schicht
layer-number = Schicht { $number }
layer-about = { $kind } { $kernel }, { $channels } Kanäle
layer-bar = Schicht { $number }, { $about }: Original { $original }, verkleinert { $compressed }
layer-loading = Der Worker sieht sich die Gewichte an.
layer-kind = Art
layer-weights = Gewichte
layer-format = Gespeichert als
layer-rate = GMAC/s
layer-ceiling = Anteil der Obergrenze
layer-joined = mit der Schicht davor
metric-bytes = Bytes
metric-macs = Multiplikationen
metric-macs-millions = Multiplikationen, Millionen
metric-millis = Millisekunden
metric-zeros = Nullen
metric-bits = Bits je Gewicht
bits-each = { $bits } Bits
kind-first = erste
kind-depthwise = Depthwise
kind-pointwise = Pointwise
kind-classifier = Klassifikator
kind-other = Faltung
format-integer = INT{ $bits }, Skalen: { $scales }
format-groups = INT{ $bits } in Gruppen, Skalen: { $scales }
format-clustered = { $n } geteilte Werte
ranges-lead = INT8 hat 255 Stufen. Mit einer Skala für die ganze Schicht nimmt der breiteste Kanal sie alle; dann bleiben { $narrow } von { $n } Kanälen weniger als { $levels } Stufen, im blassen Band.
ranges-before = Bereich jedes Kanals im Original, in Stufen einer Skala
ranges-after = Bereich derselben Kanäle im verkleinerten Modell, in Stufen einer Skala
ranges-widest = breitester Kanal des Originals
ranges-narrowest = schmalster
ranges-narrow = Kanäle mit weniger als { $levels } Stufen einer Skala
ranges-step = Schritt zwischen zwei Stufen einer Skala
before-after = { $before }, dann { $after }
histogram-heading = Gewichte dieser Schicht
histogram-axis = Zahl der Gewichte, auf einer Wurzelachse, nach ihrem Wert.
weight-heading = Ein Gewicht, Schritt für Schritt
weight-place = Kanal { $channel }, sein größtes Gewicht: Stelle { $position } von { $of }
weight-value = Gewicht des Originals
weight-scale = Skala
weight-multiplier = Faktor seiner Gruppe
weight-zero-point = Nullpunkt
weight-quotient = Gewicht geteilt durch den Schritt
weight-level = Stufe, { $bits } Bits
weight-code = Stelle unter { $n } geteilten Werten
weight-float = Gespeichert in { $bits } Bits
weight-restored = Zurückgerechnetes Gewicht
weight-error = Fehler
weight-gone = Das verkleinerte Modell hat dieses Gewicht nicht, oder es ist nicht da.
weight-note = Die verkleinerte Seite enthält alle Schritte des Rezepts zusammen: Auch Reparaturen und angeglichene Kanäle ändern Gewichte.
channel-before = Kanal davor
channel-after = Nächster Kanal

## Experiments

experiments-lead = Jedes Rezept, das hier gelaufen ist, mit dem, was dabei herauskam. Wähle eines, um es auf der verkleinerten Seite laufen zu lassen.
experiments-none = Noch ist kein Modell geladen.
experiments-csv = Tabelle als CSV
history = Verlauf
history-n = { $n ->
    [one] ein Versuch mit diesem Modell
   *[other] { $count } Versuche mit diesem Modell
 }
history-same = gleiche Antwort
history-remove = Entfernen
history-remove-this = { $name } entfernen
history-runs = läuft
history-now = jetzt auf der verkleinerten Seite
history-note = Ein eingerücktes Rezept beginnt mit den Schritten dessen darüber. Rezepte und Zahlen bleiben in diesem Browser, Modelle nicht; beim Öffnen läuft das Rezept noch einmal.
pareto = Größe gegen Übereinstimmung
pareto-save = Diagramm als SVG
pareto-x = Ausgelieferte Bytes in MB, jede Linie verdoppelt
pareto-y = Gleiche Antwort wie das Original
pareto-finding = { $n } Versuche nach ausgelieferten Bytes und Übereinstimmung; { $best } davon werden von keinem in beidem übertroffen.
pareto-note = Größere Marken sind langsamer. Gepunktete Linie: Nichts hier ist zugleich kleiner und öfter richtig. Strich: 95-%-Bereich des jetzigen. Die Tabelle enthält dieselben Zahlen.
