"""Whether a query wants its organisation's webhooks told."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('watermark', '0008_what_is_heard'),
    ]

    operations = [
        migrations.AddField(
            model_name='verification',
            name='tell_webhooks',
            field=models.BooleanField(default=False),
        ),
    ]
