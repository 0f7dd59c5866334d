"""The door: every request passes it before anything of ours sees it.

    host       is it for us, by one of our names?          else 421
    origin     does it come from a page of ours, if any?   else 403
    visitor    who asks?
    access     may they?                                   else 401 or 403   (a guard)
    csrf       did they want to?                           else 403          (a guard)
    headers    what every response says to the browser

The first three and the last are around the whole application, files and errors included: `Door`. The guards see which
handler a request is for.
"""
