from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0005_heard_notice'),
    ]

    operations = [
        migrations.AddField(
            model_name='output',
            name='word_times',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='synthesisjob',
            name='spoken_check',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
