"""What a hostile model says."""

HOSTILE = (
    "I think <script>document.title = 'owned'</script> and </script><!-- <img src=x "
    "onerror=\"document.title = 'owned'\"> ]]> &lt; \u202eback\u202c \x00\x01\x07 7 \ufffd "
    + "z"
    + "\u0335\u0321\u031b" * 200
    + " 日本語 🗓️ \u2028 {{ 7 * 7 }} {% raw %}"
)


LONG = "word 12 " * 200_000


CALLS = 24  # of a search
