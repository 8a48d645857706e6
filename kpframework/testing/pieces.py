"""What the tiny tokenizers know.

Written down, not trained: the trainers of ``tokenizers`` break ties by chance, so that hosts of the
same seed would differ from process to process.
"""

WORDPIECES = (  # noqa: SIM905
    "# $ , . / 1 6 7 9 a b c d e f g h i j l m n o p r s t u v w y z ##6 ##7 ##9 ##a ##b ##c ##d "
    "##e ##f ##g ##h ##i ##l ##m ##n ##o ##p ##r ##s ##t ##u ##v ##y ##z ##er an is pa th ##en "
    "##it and in of ##no ##ng ##ra ##ri ##al ##as ##ys ##ch pari the ##ent paris 19 ab ara bo ca "
    "fi fra has je lo li ly ma no ner ph sl se sys was ##lo ##ly ##es ##em ##nc ##da ##der ##re "
    "##rn ##rm ##rch ##on ##ou ##olo ##an ##pit ##iz ##ient ##iolo ##ty ##ter ##tent ##tem "
    "##tient ##gy ##mit ##cty ##ves ##vou ##ure ##67 ##ere ##ers patient there ##ender ##ity "
    "inter ##noda ##norm ##ngers ##ality ##ysiolo ##chnoda 1967 abnorm arachnoda born capit "
    "fingers franc jean long lives lyon march not nervou physiolo slender seiz system ##mittent "
    "##ctyly intermittent abnormality arachnodactyly capital france marchi nervous physiology "
    "seizure "
).split()
"""As WordPiece training on the tiny texts gave them, special tokens aside."""
UNIGRAMS = (  # noqa: SIM905
    "▁ s e i a o . y f er no te ▁a nd is t n d l it h c ▁s ▁an b v u ▁Paris ▁the rm ng re ▁in ch "
    "lo ▁p ys nt al ty an ar ra p li g m M J T / A $ , 6 9 L 7 1 # F z w or ac on he r P ▁n "
).split()
"""As Unigram training on the tiny texts gave them, the likeliest first."""
