"""The leases by which one of many processes does a scheduled job."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.fields import InstantField


class Lease(Model):
    """Who does a job, and until when nobody else may."""

    name = fields.CharField(primary_key=True, max_length=32)
    holder = fields.CharField(max_length=32)
    until: datetime = InstantField()

    class Meta:
        table = "lease"
