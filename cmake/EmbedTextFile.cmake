# Writes OUT, a C file that holds the bytes of IN as the string SYMBOL, and their SHA-1 in hex as the string
# SYMBOL_sha1. Run by embed_text().
file(SHA1 ${IN} sha1)
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "extern const char ${SYMBOL}[], ${SYMBOL}_sha1[];\nconst char ${SYMBOL}[] = {\n${bytes}0};\nconst char ${SYMBOL}_sha1[] = \"${sha1}\";\n")
