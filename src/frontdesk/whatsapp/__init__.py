"""WhatsApp's own forms, which several vendors pass through: a message as Meta writes it, and interactive messages as
Meta reads them. Pure, and for the providers of such vendors; the service itself knows nothing of it.

`reading` opens JSON that others wrote, `said` is the message and `content` what it says in our words; `interactive`
is the way back, and `limits` what WhatsApp takes.
"""
